/**
 * Units: single channels, each an index of an axis of some constant or value. Operators tie units together (union-find): what is
 * tied stays or goes as one. A tied set is a class; one that must stay is frozen, with the reason.
 */

/** Stands for an index that no removal touches. */
export const FIXED = -1;

export class Units {
  #parents: number[] = [];
  #reasons = new Map<number, string>();

  get count(): number {
    return this.#parents.length;
  }

  fresh(count: number): Int32Array {
    const from = this.#parents.length;
    for (let i = 0; i < count; i++) this.#parents.push(from + i);
    return Int32Array.from({ length: count }, (_, i) => from + i);
  }

  /** The class of a unit, named by one of its members; FIXED stays FIXED. */
  find(unit: number): number {
    if (unit === FIXED) return FIXED;
    let root = unit;
    while (this.#parents[root] !== root) root = this.#parents[root] as number;
    for (let at = unit; at !== root;) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  /** @param reason why a unit stays that is tied to an index that no removal touches */
  union(a: number, b: number, reason: string): void {
    if (a === FIXED || b === FIXED) {
      if (a !== b) this.freeze(a === FIXED ? b : a, reason);
      return;
    }
    const [to, from] = [this.find(a), this.find(b)];
    if (to === from) return;
    this.#parents[from] = to;
    const why = this.#reasons.get(to) ?? this.#reasons.get(from);
    this.#reasons.delete(from);
    if (why !== undefined) this.#reasons.set(to, why);
  }

  unionAll(units: Iterable<number>, reason: string): void {
    let first: number | undefined;
    for (const unit of units) {
      if (first === undefined) first = unit;
      else this.union(first, unit, reason);
    }
  }

  /** The first reason counts. */
  freeze(unit: number, reason: string): void {
    if (unit === FIXED) return;
    const root = this.find(unit);
    if (!this.#reasons.has(root)) this.#reasons.set(root, reason);
  }

  /** Why a unit stays; null when it may go. */
  frozen(unit: number): string | null {
    return unit === FIXED ? 'it is fixed' : (this.#reasons.get(this.find(unit)) ?? null);
  }

  /** How many classes of these units may go. */
  movable(units: Iterable<number>): number {
    const roots = new Set<number>();
    for (const unit of units) if (this.frozen(unit) === null) roots.add(this.find(unit));
    return roots.size;
  }

  /** A copy to try something on. */
  clone(): Units {
    const copy = new Units();
    copy.#parents = this.#parents.slice();
    copy.#reasons = new Map(this.#reasons);
    return copy;
  }
}
