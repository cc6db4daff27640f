/** How far a family of structures can go: more of it until that loses too much, then half-way back. */
import type { Costs } from './front.js';
import type { JournalEntry } from './journal.js';
import { between, type Family } from './space.js';

const HALVINGS = 1;
/** Losses in points below this are not told from none. */
const LEAST = 0.25;
/** What counts as lost where outputs are destroyed. */
const ALL = 50;

/** What is left of the source. */
type Sizes = Pick<Costs, 'bytes' | 'macs'>;

/** What a network loses that is trained for some epochs after so much of its weights went; fitted to small convolutional networks. */
const usualLoss = (left: number): number => 0.5 * (0.3 / Math.max(0.02, left)) ** 2.5;

/** How much more or less than usual this network loses, from all that was made of it in a like way. */
export class Tendency {
  #sum = 0;
  #count = 0;

  found(expected: number, points: number): void {
    this.#sum += Math.log(Math.max(LEAST, points) / Math.max(LEAST / 4, expected));
    this.#count++;
  }

  /** A multiple; one finding counts half. */
  get times(): number {
    return this.#count === 0 ? 1 : Math.exp(this.#sum / (this.#count + 1));
  }
}

export class Growth {
  /** Sizes that are left to try. */
  open: number[];
  readonly #known = new Map<number, Costs>();
  #good = 0;
  #bad = Infinity;
  #halvings = 0;

  /**
   * @param foretold what sizes leave, where that can be told without making them
   * @param tendency of all families that are trained alike
   */
  constructor(
    readonly family: Family,
    readonly source: Sizes,
    readonly tendency: Tendency,
    readonly foretold: ReadonlyMap<number, Sizes> = new Map(),
  ) {
    this.open = [...family.sizes];
  }

  #left(size: number): Sizes {
    const { family, source } = this;
    const known = this.foretold.get(size);
    if (known) return known;
    const near = [...this.#known].sort(([a], [b]) => Math.abs(a - size) - Math.abs(b - size))[0];
    const gone = family.gone(size);
    if (!near) return { bytes: source.bytes * (1 - gone), macs: source.macs * (1 - gone) };
    const [tried, found] = near;
    // As the nearest that was tried, in proportion to what goes.
    const left = (of: keyof Sizes): number =>
      source[of] * Math.max(0.02, 1 - (gone / family.gone(tried)) * (1 - found[of] / source[of]));
    return { bytes: left('bytes'), macs: left('macs') };
  }

  #usual(bytes: number): number {
    return this.family.harm * usualLoss(bytes / this.source.bytes);
  }

  /** What a size may come to: no less loss than less of it had. */
  expected(size: number): Costs {
    const left = this.#left(size);
    const less = [...this.#known].filter(([tried]) => tried < size).map(([, { points }]) => points);
    return { ...left, points: Math.max(0, ...less, this.#usual(left.bytes) * this.tendency.times) };
  }

  /** @returns sizes that are not tried because of it, with the reason */
  tried(
    size: number,
    { points, bytes, macs, failed }: JournalEntry,
    fits: boolean,
  ): { size: number; reason: string }[] {
    const { name } = this.family;
    this.open = this.open.filter((other) => other !== size);
    // What cannot be had of one size cannot of more.
    if (failed !== null) return this.#without((other) => other > size, `${name}: ${size} could not be had`);
    if (points !== null && bytes !== null) this.#known.set(size, { points, bytes, macs: macs ?? this.source.macs });
    if (bytes !== null) this.tendency.found(this.#usual(bytes), points ?? ALL);
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
