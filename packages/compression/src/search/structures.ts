/** How far a family of structures can go: more of it until that loses too much, then half-way back. */
import type { SearchBudget } from '@verge/contracts';
import type { Costs } from './front.js';
import type { JournalEntry } from './journal.js';
import { between, type Family } from './space.js';

const HALVINGS = 1;

export class Growth {
  /** Sizes that are left to try. */
  open: number[];
  readonly #known = new Map<number, Costs>();
  #good = 0;
  #bad = Infinity;
  #halvings = 0;

  constructor(
    readonly family: Family,
    readonly source: Pick<Costs, 'bytes' | 'macs'>,
    readonly budget: SearchBudget,
  ) {
    this.open = [...family.sizes];
  }

  /** What a size may come to: as the nearest that was tried, in proportion to what goes. */
  expected(size: number): Costs {
    const { family, source, budget } = this;
    const near = [...this.#known].sort(([a], [b]) => Math.abs(a - size) - Math.abs(b - size))[0];
    const place = family.sizes.indexOf(size);
    const usual = budget.maxDropPoints * (family.losses[place] ?? 1);
    if (!near) {
      const left = 1 - family.gone(size);
      return { points: usual, bytes: source.bytes * left, macs: source.macs * left };
    }
    const [tried, found] = near;
    const more = family.gone(size) / family.gone(tried);
    const left = (of: 'bytes' | 'macs'): number => source[of] * Math.max(0.02, 1 - more * (1 - found[of] / source[of]));
    // Half of it is what was found and half what is usual, since losses may grow slowly at first and then at once.
    const points = Math.sqrt(usual * Math.max(0.01 * usual, found.points * more ** 4));
    return { points, bytes: left('bytes'), macs: left('macs') };
  }

  /** @returns sizes that are not tried because of it, with the reason */
  tried(
    size: number,
    { points, bytes, macs, failed }: JournalEntry,
    fits: boolean,
  ): { size: number; reason: string }[] {
    const { name } = this.family;
    this.open = this.open.filter((other) => other !== size);
    if (points !== null && bytes !== null) this.#known.set(size, { points, bytes, macs: macs ?? this.source.macs });
    if (failed !== null) return this.#without(() => true, `${name}: ${size} could not be had`);
    if (fits) this.#good = Math.max(this.#good, size);
    else this.#bad = Math.min(this.#bad, size);
    const skipped = fits ? [] : this.#without((other) => other > size, `${name}: ${size} already loses too much`);
    if (this.open.length === 0 && this.#good > 0 && this.#bad < Infinity && this.#halvings++ < HALVINGS) {
      const middle = between(this.#good, this.#bad);
      if (middle !== null) this.open.push(middle);
    }
    return skipped;
  }

  #without(which: (size: number) => boolean, reason: string): { size: number; reason: string }[] {
    const skipped = this.open.filter(which).map((size) => ({ size, reason }));
    this.open = this.open.filter((size) => !which(size));
    return skipped;
  }
}
