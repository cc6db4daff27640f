/** A process that is started again when it ends by itself. */
import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import { pause, retryDelayMs } from '../background.js';

export class SupervisedProcess {
  private readonly stopping = new AbortController();
  private returning: Promise<void> | undefined;

  /**
   * @param name for the log
   * @param launch starts it, and resolves when it is ready
   * @param end asks it to end, and resolves when it has
   */
  constructor(
    private readonly name: string,
    private child: ChildProcess,
    private readonly launch: () => Promise<ChildProcess>,
    private readonly end: (child: ChildProcess) => Promise<void>,
    private readonly log: Pick<Logger, 'warn'> | undefined,
  ) {
    this.watch();
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.returning;
    await this.end(this.child);
  }

  private watch(): void {
    this.child.once('exit', (code, signal) => {
      if (!this.stopping.signal.aborted) this.returning = this.bringBack({ code, signal });
    });
  }

  private async bringBack(how: { code: number | null; signal: NodeJS.Signals | null }): Promise<void> {
    this.log?.warn(how, `${this.name} ended by itself; it is started again`);
    for (let failures = 1; await pause(retryDelayMs(failures, Math.random()), this.stopping.signal); failures++) {
      try {
        this.child = await this.launch();
        this.watch();
        this.log?.warn({ pid: this.pid, failures: failures - 1 }, `${this.name} is up again`);
        return;
      } catch (err) {
        this.log?.warn({ err, failures }, `${this.name} could not be started again; it is tried later`);
      }
    }
  }
}
