/** Work that is done again and again: never twice at once, never given up on, and waited for at the end. */
export class Periodic {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  /** @param work its errors go to `failed`; the next turn comes all the same */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): this {
    this.schedule();
    return this;
  }

  /** True from the moment on at which it is to end: long work looks at it between its parts. */
  get ending(): boolean {
    return this.stopped;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.turn();
    }, this.everyMs);
  }

  private async turn(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      if (!this.stopped) this.failed(error);
    } finally {
      this.schedule();
    }
  }
}
