/** `verge-agent serve` as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { requireBuild, until } from './agent-process.js';

const bin = fileURLToPath(new URL('../bin/verge-agent.mjs', import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class ServeProcess {
  stdout = '';
  stderr = '';
  readonly exited: Promise<Ended>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout!.on('data', (part: Buffer) => (this.stdout += part.toString()));
    child.stderr!.on('data', (part: Buffer) => (this.stderr += part.toString()));
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  /** As soon as the process is there; its own process group, as a service has. */
  static spawn(args: readonly string[]): ServeProcess {
    requireBuild();
    return new ServeProcess(
      spawn(process.execPath, [bin, 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
    );
  }

  /** Once the model answers. */
  async serves(): Promise<void> {
    const { child } = this;
    const serves = (): boolean => {
      if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}: ${this.stderr}`);
      return this.stdout.includes('serves on');
    };
    await until('the model to be served', serves, 50_000);
  }

  get url(): string {
    return /http:\/\/[^ \n]+/.exec(this.stdout)![0];
  }

  async get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${this.url}${path}`);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /** What a service manager does: every process of the service is told. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }

  async end(): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.signal('SIGKILL');
    return this.exited;
  }
}
