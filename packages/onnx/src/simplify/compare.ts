/** Two models on the same random inputs: how far apart are their numbers? */
import { encodeModel } from '../codec/model.js';
import { DATA_TYPES } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Model } from '../ir.js';
import type { Session, SessionFactory, SessionOptions } from '../session.js';
import type { Tensor } from '../tensor.js';
import { randomFeeds } from './feeds.js';

/** a and b agree when |a - b| <= absolute + relative * the largest |a| of the same output and run. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

export interface CompareOptions extends SessionOptions {
  /** Sets of inputs; 3 when absent. */
  runs?: number;
  /** Of the first run; each further run adds 1. */
  seed?: number;
  /** Sizes of symbolic dimensions. Those not named are 1 in the first run and 2 in the others. */
  dims?: Readonly<Record<string, number>>;
  /** Values of inputs that random numbers do not suit. */
  given?: Readonly<Record<string, Tensor>>;
  /** Inputs whose elements are all this number. */
  fill?: Readonly<Record<string, number>>;
  /** Absolute 1e-6, relative 1e-4 when absent. */
  tolerance?: Tolerance;
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
  readonly outputs: readonly OutputDifference[];
  readonly absolute: number;
  readonly relative: number;
  readonly tolerance: Tolerance;
  readonly within: boolean;
}

/** Sign, exponent and fraction of an IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The elements as numbers; bit patterns of types without a number stay whole numbers, which must then be equal. */
function numbers(tensor: Tensor): ArrayLike<number | bigint | string> {
  return tensor.dtype === 'float16' ? Float64Array.from(tensor.data, halfToNumber) : tensor.data;
}

interface Distance {
  absolute: number;
  largest: number;
}

function distance(a: Tensor, b: Tensor | undefined): Distance {
  if (!b || a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return { absolute: Infinity, largest: 1 };
  const [x, y] = [numbers(a), numbers(b)];
  const found: Distance = { absolute: 0, largest: 0 };
  const isFloat = ['float32', 'float64', 'float16'].includes(a.dtype);
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

/** The original at the invented sizes of a later run, or at 1 where it does not run at those. */
async function runOriginal(
  model: Model,
  session: Session,
  run: number,
  options: CompareOptions,
): Promise<{ feeds: Record<string, Tensor>; outputs: Record<string, Tensor> }> {
  const { seed = 1, dims = {}, given = {}, fill = {} } = options;
  const symbols = model.graph.inputs.flatMap(({ type }) => (type?.kind === 'tensor' ? (type.shape ?? []) : []));
  const twos = Object.fromEntries(symbols.filter((d) => typeof d === 'string').map((d) => [d, 2]));
  const feed = (sizes: Readonly<Record<string, number>>): Record<string, Tensor> =>
    randomFeeds(model, { seed: seed + run, dims: sizes, given, fill });
  if (run > 0) {
    const feeds = feed({ ...twos, ...dims });
    try {
      return { feeds, outputs: await session.run(feeds) };
    } catch {
      // Sizes that were made up need not suit the model.
    }
  }
  const feeds = feed(dims);
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
  const { runs = 3, tolerance = { absolute: 1e-6, relative: 1e-4 } } = options;
  const names = original.graph.outputs.map((o) => o.name);
  const worst = new Map(names.map((name) => [name, { absolute: 0, relative: 0, within: true }]));
  const a = await create(encodeModel(original), options);
  try {
    const b = await create(encodeModel(other), options);
    try {
      for (let run = 0; run < runs; run++) {
        const { feeds, outputs } = await runOriginal(original, a, run, options);
        const others = await b.run(feeds);
        for (const name of names) {
          const { absolute, largest } = distance(outputs[name]!, others[name]);
          const old = worst.get(name)!;
          worst.set(name, {
            absolute: Math.max(old.absolute, absolute),
            relative: Math.max(old.relative, absolute === 0 ? 0 : absolute / largest),
            within: old.within && absolute <= tolerance.absolute + tolerance.relative * largest,
          });
        }
      }
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
  const outputs = [...worst].map(([name, difference]) => ({ name, ...difference }));
  return {
    runs,
    outputs,
    absolute: Math.max(0, ...outputs.map((o) => o.absolute)),
    relative: Math.max(0, ...outputs.map((o) => o.relative)),
    tolerance,
    within: outputs.every((o) => o.within),
  };
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
