/** Runs what has the same key one after the other, and what has not side by side. */
export class KeyedChain {
  private readonly tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve();
    const mine = before.then(act, act);
    const forget = (): void => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    };
    const tail = mine.then(forget, forget);
    this.tails.set(key, tail);
    return await mine;
  }

  /** When everything that was begun has ended. */
  async settled(): Promise<void> {
    while (this.tails.size > 0) await Promise.all(this.tails.values());
  }
}
