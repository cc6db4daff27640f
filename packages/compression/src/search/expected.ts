/**
 * What a variant may come to before it is tried, from what was found of its parts, so that what promises most for its work is tried first.
 * Structure and precision are taken to add up: losses are summed, sizes multiplied. Nothing of this is reported; it orders what is tried,
 * and does not depend on times.
 */
import type { RecipePass, SearchBudget } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { type Costs, hypervolume } from './front.js';
import type { JournalEntry } from './journal.js';
import { epochsOf, workOf } from './work.js';

/** Costs against those of what it was made of. */
interface Change {
  /** Points lost in addition. */
  readonly points: number;
  /** Bytes as a multiple. */
  readonly bytes: number;
}

/**
 * What passes do where nothing was found yet: sizes from the bits that are stored, losses in points.
 * @param dense the share of the weights that dense layers have
 */
function usual(pass: RecipePass, dense: number): Change {
  const ofDense = (bytes: number): number => 1 - dense * (1 - bytes);
  switch (pass.pass) {
    case 'float16':
      return { points: 0, bytes: 0.51 };
    case 'quantize-weights':
      return pass.bits === 8 ? { points: 0.05, bytes: ofDense(0.3) } : { points: 0.5, bytes: ofDense(0.18) };
    case 'codebook':
      // Places of up to 4 bits lie two in a byte, of more one.
      return { points: pass.bits >= 6 ? 0.05 : pass.bits === 4 ? 0.2 : 1, bytes: pass.bits > 4 ? 0.28 : 0.15 };
    case 'quantize-dynamic':
      return { points: 0.1, bytes: ofDense(0.28) };
    default:
      return { points: 0.2, bytes: 0.28 };
  }
}

/** A loss is not known to more than some times: gains are means over these multiples of what is expected. */
const SPREAD = [0.3, 1, 3] as const;

/** A precision as it comes again on other structures. */
const nameOf = (pass: RecipePass): string => JSON.stringify(pass);

export interface Source extends Pick<Costs, 'bytes' | 'macs'> {
  /** The share of its weights that dense layers have, which some passes change alone. */
  readonly dense: number;
}

/** @returns of all weights the share that is an operand of MatMul or Gemm, 0 to 1 */
export function denseShare({ graph }: Model): number {
  const sizeOf = (name: string): number => (graph.initializers.get(name)?.value.dims ?? []).reduce((a, b) => a * b, 1);
  const dense = new Set(graph.nodes.filter(({ op }) => op === 'MatMul' || op === 'Gemm').flatMap((n) => n.inputs));
  const sum = (names: readonly string[]): number => names.reduce((total, name) => total + sizeOf(name), 0);
  const all = [...graph.initializers.keys()];
  return sum(all.filter((name) => dense.has(name))) / Math.max(1, sum(all));
}

export interface SampleCounts {
  readonly train: number;
  readonly validation: number;
  /** That a loss is measured on. */
  readonly choosing: number;
}

export class Expectations {
  readonly #changes = new Map<string, Change[]>();
  readonly #reference: Costs;

  constructor(
    readonly budget: SearchBudget,
    readonly source: Source,
    readonly samples: SampleCounts,
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
    if (!known) return usual(pass, this.source.dense);
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

  /** What a precision of a structure that was made adds to a front, for its work. */
  worth(front: readonly Costs[], made: Costs, pass: RecipePass): number {
    return this.gain(front, [this.with(made, pass)]) / workOf(pass, made.macs, this.source.macs, this.samples);
  }

  /**
   * What int8 would add if it lost no more than hoped, for the work of what may bring it there.
   * @param hoped the structure, with that loss
   */
  worthOfHope(front: readonly Costs[], hoped: Costs, int8: RecipePass, means: RecipePass): number {
    const { bytes } = this.with(hoped, int8);
    return this.gain(front, [{ ...hoped, bytes }]) / workOf(means, hoped.macs, this.source.macs, this.samples);
  }

  /** What a structure that is to be made adds to a front, with the precision that makes most of it, for the work of both. */
  worthOfStructure(
    front: readonly Costs[],
    expected: Costs,
    structure: RecipePass,
    precisions: readonly RecipePass[],
  ): number {
    const work = (pass: RecipePass): number => workOf(pass, expected.macs, this.source.macs, this.samples);
    const worths = precisions
      .filter((pass) => epochsOf(pass) === 0)
      .map((pass) => {
        const gains = SPREAD.map((times) => {
          const plain = { ...expected, points: expected.points * times };
          return this.gain(front, [plain, this.with(plain, pass)]);
        });
        return gains.reduce((a, b) => a + b, 0) / SPREAD.length / (work(structure) + work(pass));
      });
    return Math.max(...worths);
  }
}
