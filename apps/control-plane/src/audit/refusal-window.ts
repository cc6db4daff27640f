/** Kinds of refusals that are written one by one in a window; those of who could not prove who they are cannot crowd out the others. */
const KINDS = 50;

/** Counts by kind within one window of time. */
export class RefusalWindow<T> {
  private readonly kinds = new Map<string, { of: T; count: number }>();
  private readonly used = { proven: 0, unproven: 0 };
  private uncounted = 0;

  /** @returns whether it is the first of its kind in this window, and within the bound */
  count(from: 'proven' | 'unproven', key: string, of: T): boolean {
    const kind = this.kinds.get(key);
    if (kind) {
      kind.count++;
      return false;
    }
    if (this.used[from] >= KINDS) {
      this.uncounted++;
      return false;
    }
    this.used[from]++;
    this.kinds.set(key, { of, count: 0 });
    return true;
  }

  /** Ends the window. `repeated`: what came after the first of each kind; `uncounted`: what was beyond the bound. */
  close(): { repeated: { of: T; count: number }[]; uncounted: number } {
    const result = { repeated: [...this.kinds.values()].filter((k) => k.count > 0), uncounted: this.uncounted };
    this.kinds.clear();
    this.used.proven = this.used.unproven = this.uncounted = 0;
    return result;
  }
}
