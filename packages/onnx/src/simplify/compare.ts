/** Two models on the same random inputs: how far apart are their numbers? */
import { DATA_TYPES } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Model } from '../ir.js';
import type { Session, SessionFactory, SessionOptions } from '../session.js';
import type { Tensor } from '../tensor.js';
import { bfloat16Value, float16Value } from '../halves.js';
import { roundingsOf, type Roundings } from './roundings.js';
import { drawFeeds, type FeedOptions } from './feeds.js';
import { fedInputs, type FedInput } from './inputs.js';
import { settleInputs, type SettledInputs } from './sizes-tried.js';
import { knownWords } from './words.js';
import { openModel, type ModelOpener } from '../open-model.js';

/** a and b agree when |a - b| <= absolute + relative * the largest |a| of the same output and run. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Taken where none is given and nothing is rounded to 16 bits. */
export const TOLERANCE: Tolerance = { absolute: 1e-6, relative: 1e-4 };

/** What a model is held to where nothing is given: more than `TOLERANCE` where roundings to 16 bits explain more. */
export function toleranceFor({ relative }: Roundings): Tolerance {
  return relative > TOLERANCE.relative ? { ...TOLERANCE, relative } : TOLERANCE;
}

export interface CompareOptions extends SessionOptions {
  /** Sets of inputs; 3 when absent. */
  runs?: number;
  /** Of the first run; each further run adds 1. */
  seed?: number;
  /**
   * Sizes of symbolic dimensions, and by `input[axis]` of those without a name. For those not named sizes are tried until
   * the original runs (`settleInputs`); later runs double them where it runs at that too.
   */
  dims?: Readonly<Record<string, number>>;
  /** Whole shapes by input. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** Values of inputs that random numbers do not suit. */
  given?: Readonly<Record<string, Tensor>>;
  /** Inputs whose elements are all this number. */
  fill?: Readonly<Record<string, number>>;
  /** When absent, absolute 1e-6, relative 1e-4 or, in models of halves, what their roundings explain (`roundingsOf`). */
  tolerance?: Tolerance;
  /** Opens both models instead of `create`, say from files that they lie in; the models' own elements are not read then. */
  open?: ModelOpener;
}

export interface OutputDifference {
  readonly name: string;
  /** Largest |a - b|; Infinity where the other model lacks the output, shapes or types differ, or one of the two is no number. */
  readonly absolute: number;
  /** The same, over the largest |a| of its run. */
  readonly relative: number;
  readonly within: boolean;
}

export interface Comparison {
  readonly runs: number;
  /** Sizes that nobody gave, of the first run: by symbol, or by `input[axis]` where there is none. */
  readonly assumed: Readonly<Record<string, number>>;
  readonly outputs: readonly OutputDifference[];
  readonly absolute: number;
  readonly relative: number;
  readonly tolerance: Tolerance;
  /** Roundings to 16 bits in a row that made the tolerance wider than usual; 0 where it was not, or was given. */
  readonly roundings: number;
  readonly within: boolean;
}

/** The elements as numbers; bit patterns of types without a number stay whole numbers, which must then be equal. */
function numbers(tensor: Tensor): ArrayLike<number | bigint | string> {
  if (tensor.dtype === 'float16') return Float64Array.from(tensor.data, float16Value);
  return tensor.dtype === 'bfloat16' ? Float64Array.from(tensor.data, bfloat16Value) : tensor.data;
}

interface Run {
  readonly feeds: Record<string, Tensor>;
  readonly outputs: Record<string, Tensor>;
}

interface Distance {
  absolute: number;
  largest: number;
}

function distance(a: Tensor, b: Tensor | undefined): Distance {
  if (!b || a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return { absolute: Infinity, largest: 1 };
  const [x, y] = [numbers(a), numbers(b)];
  const found: Distance = { absolute: 0, largest: 0 };
  const isFloat = ['float32', 'float64', 'float16', 'bfloat16'].includes(a.dtype);
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!];
    if (typeof p === 'string' || typeof q === 'string') found.absolute = p === q ? found.absolute : Infinity;
    else if (isFloat || DATA_TYPES[a.dtype].family === 'int' || DATA_TYPES[a.dtype].family === 'uint') {
      const [m, n] = [Number(p), Number(q)];
      if (Number.isFinite(m)) found.largest = Math.max(found.largest, Math.abs(m));
      if (p === q || (Number.isNaN(m) && Number.isNaN(n))) continue;
      const apart = Math.abs(m - n);
      found.absolute = Math.max(found.absolute, Number.isNaN(apart) ? Infinity : apart);
    } else if (p !== q) found.absolute = Infinity;
  }
  return found;
}

/** The largest differences of each output over several runs. */
export class Differences {
  readonly #worst: Map<string, { absolute: number; relative: number; within: boolean }>;
  readonly #tolerance: Tolerance;
  readonly #roundings: number;

  /**
   * @param model that the outputs are of, which says the tolerance where none is given
   */
  constructor(names: readonly string[], model: Model, given: Tolerance | undefined) {
    const roundings = given ? null : roundingsOf(model);
    this.#tolerance = given ?? toleranceFor(roundings!);
    this.#roundings = roundings && this.#tolerance !== TOLERANCE ? roundings.count : 0;
    this.#worst = new Map(names.map((name) => [name, { absolute: 0, relative: 0, within: true }]));
  }

  /** @param outputs those that are right; `others` may lack some */
  add(outputs: Readonly<Record<string, Tensor>>, others: Readonly<Record<string, Tensor>>): void {
    for (const [name, old] of this.#worst) {
      const { absolute, largest } = distance(outputs[name]!, others[name]);
      this.#worst.set(name, {
        absolute: Math.max(old.absolute, absolute),
        relative: Math.max(old.relative, absolute === 0 ? 0 : absolute / largest),
        within: old.within && absolute <= this.#tolerance.absolute + this.#tolerance.relative * largest,
      });
    }
  }

  comparison(runs: number, assumed: Readonly<Record<string, number>>): Comparison {
    const outputs = [...this.#worst].map(([name, difference]) => ({ name, ...difference }));
    return {
      runs,
      assumed,
      outputs,
      absolute: Math.max(0, ...outputs.map((o) => o.absolute)),
      relative: Math.max(0, ...outputs.map((o) => o.relative)),
      tolerance: this.#tolerance,
      roundings: this.#roundings,
      within: outputs.every((o) => o.within),
    };
  }
}

/** Other sizes than those that were settled on, so that a size that got into the graph by mistake shows. */
function otherSizes({ sizes, assumed }: SettledInputs): Record<string, number> {
  const grown = Object.entries(assumed).map(([key, size]) => [key, size <= 64 ? 2 * size : size]);
  return { ...sizes, ...Object.fromEntries(grown) };
}

/** The original on the inputs of a later run, at other sizes, or at those of the first where it does not run at others. */
async function runLater(
  inputs: readonly FedInput[],
  session: Session,
  settled: SettledInputs,
  options: FeedOptions,
): Promise<Run> {
  if (Object.keys(settled.assumed).length > 0) {
    try {
      const feeds = drawFeeds(inputs, { ...options, dims: otherSizes(settled) });
      return { feeds, outputs: await session.run(feeds) };
    } catch {
      // Sizes that were made up need not suit the model.
    }
  }
  const feeds = drawFeeds(inputs, { ...options, dims: settled.sizes });
  return { feeds, outputs: await session.run(feeds) };
}

/**
 * Runs both models on the same seeded random inputs and measures every output.
 * @param original decides the inputs and their sizes, and what differences are relative to
 */
export async function compareModels(
  original: Model,
  other: Model,
  create: SessionFactory,
  options: CompareOptions = {},
): Promise<Comparison> {
  const { runs = 3, tolerance } = options;
  const { seed = 1, dims = {}, shapes = {}, given = {}, fill = {} } = options;
  const inputs = fedInputs(original);
  const words = knownWords(original);
  const feedOptions = (run: number): FeedOptions => ({ seed: seed + run, dims, shapes, given, fill, words });
  const open = options.open ?? ((model, settings) => openModel(create, model, settings));
  const done: Run[] = [];
  const a = await open(original, options);
  // What the session calls outputs: one that is no tensor may be several there.
  const worst = new Differences(a.outputNames, original, tolerance);
  let settled: SettledInputs | undefined;
  try {
    let first: Record<string, Tensor> = {};
    settled = await settleInputs(inputs, async (feeds) => (first = await a.run(feeds)), feedOptions(0));
    if (runs > 0) done.push({ feeds: settled.feeds, outputs: first });
    while (done.length < runs) done.push(await runLater(inputs, a, settled, feedOptions(done.length)));
  } finally {
    await a.release();
  }
  // One after the other: a large model need not be loaded twice at once.
  const b = await open(other, options);
  try {
    for (const { feeds, outputs } of done) worst.add(outputs, await b.run(feeds));
  } finally {
    await b.release();
  }
  return worst.comparison(runs, settled.assumed);
}

/**
 * @throws OnnxError `numbers-differ`, naming every output that is further off than the tolerance
 */
export function assertWithin(comparison: Comparison): void {
  const bad = comparison.outputs.filter((o) => !o.within);
  if (bad.length === 0) return;
  const each = bad.map((o) => `${JSON.stringify(o.name)} by ${o.absolute} (relative ${o.relative})`);
  throw new OnnxError('numbers-differ', `the numbers differ beyond the tolerance: ${each.join(', ')}`);
}
