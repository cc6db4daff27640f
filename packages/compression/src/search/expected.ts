/**
 * What a variant may come to before it is tried, from what was found of its parts, so that what promises most for its work is tried first.
 * Structure and precision are taken to add up: losses are summed, sizes multiplied. Nothing of this is reported; it orders what is tried,
 * and does not depend on times.
 */
import type { RecipePass, SearchBudget } from '@verge/contracts';
import { type Costs, hypervolume } from './front.js';
import type { JournalEntry } from './journal.js';

/** Costs against those of what it was made of. */
interface Change {
  /** Points lost in addition. */
  readonly points: number;
  /** Bytes as a multiple. */
  readonly bytes: number;
}

/** What passes do where nothing was found yet: sizes from bits, losses as multiples of what is allowed. */
function usual(pass: RecipePass): Change {
  switch (pass.pass) {
    case 'float16':
      return { points: 0, bytes: 0.5 };
    case 'quantize-weights':
      return pass.bits === 8 ? { points: 0.05, bytes: 0.3 } : { points: 0.8, bytes: 0.18 };
    case 'codebook':
      return { points: pass.bits >= 6 ? 0.1 : pass.bits === 4 ? 0.8 : 2, bytes: pass.bits / 32 + 0.03 };
    default:
      return { points: 0.3, bytes: 0.3 };
  }
}

/** A precision as it comes again on other structures. */
const nameOf = (pass: RecipePass): string => JSON.stringify(pass);

/** Work of one multiply-accumulate is 1. What a session and its encoding cost besides, as measured on networks of some 10,000 weights. */
const AROUND = 3e8;
/** Of a training step besides its arithmetic. */
const STEP = 3e6;
const BATCH = 64;

interface Samples {
  readonly train: number;
  readonly choosing: number;
}

export class Expectations {
  readonly #changes = new Map<string, Change[]>();
  readonly #reference: Costs;

  constructor(
    readonly budget: SearchBudget,
    readonly source: Pick<Costs, 'bytes' | 'macs'>,
    readonly samples: Samples,
  ) {
    // A little beyond the source, so that what changes one of size and work alone counts as well.
    this.#reference = { points: 2 * budget.maxDropPoints + 0.25, bytes: 1.1 * source.bytes, macs: 1.1 * source.macs };
  }

  /** Keeps what a precision did to a structure. */
  found(pass: RecipePass, before: JournalEntry, after: JournalEntry): void {
    if (before.points === null || after.points === null || !before.bytes || after.bytes === null) return;
    const change = { points: after.points - before.points, bytes: after.bytes / before.bytes };
    const name = nameOf(pass);
    this.#changes.set(name, [...(this.#changes.get(name) ?? []), change]);
  }

  #change(pass: RecipePass): Change {
    const known = this.#changes.get(nameOf(pass));
    if (!known) {
      const { points, bytes } = usual(pass);
      return { points: points * this.budget.maxDropPoints, bytes };
    }
    const mean = (of: (change: Change) => number): number => known.reduce((sum, c) => sum + of(c), 0) / known.length;
    return { points: mean((c) => c.points), bytes: mean((c) => c.bytes) };
  }

  with(structure: Costs, pass: RecipePass): Costs {
    const { points, bytes } = this.#change(pass);
    return { points: structure.points + points, bytes: structure.bytes * bytes, macs: structure.macs };
  }

  /** How much more of the costs a front covers with some more. */
  gain(front: readonly Costs[], more: readonly Costs[]): number {
    return hypervolume([...front, ...more], this.#reference) - hypervolume(front, this.#reference);
  }

  /** Of making and measuring a variant. @param epochs of training */
  work(macs: number, epochs: number): number {
    const { train, choosing } = this.samples;
    const measured = choosing * (this.source.macs + macs);
    // Forwards and backwards, and a teacher's forwards.
    const trained = epochs * (train * (3 * macs + this.source.macs) + Math.ceil(train / BATCH) * STEP);
    return AROUND + measured + trained;
  }
}
