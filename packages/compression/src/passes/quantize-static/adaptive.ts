/** Adaptive rounding of int8 weights: what each layer gives on the calibration samples changes least, not each weight. */
import type { Model } from '@verge/onnx';
import { checkCancelled } from '../../errors.js';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { Products } from '../../linear-algebra/products.js';
import { errorsOf, factored, rounded, type Bounds, type Columns } from '../../rounding/nearest-plane.js';
import { readsOf } from '../../rounding/reads.js';
import { inBatches, StudiedWeight, studyReads } from '../../rounding/study.js';
import type { StudyOptions } from '../../study/calibrate.js';
import type { Feeds } from '../../study/feeds.js';
import { kernelOrder, LARGEST_PAIR } from '../../targets/kernel-pairs.js';
import { formOf, type Form } from './form.js';
import type { InsertResult } from './insert.js';
import type { QuantizationPlan, WeightedUnit } from './plan.js';
import type { AffineParams, QuantizedWeight } from './scale.js';

/** Levels are as good as exact where no weight is farther from its own than this share of a step. */
const EXACT = 1e-3;

/** Longer outputs are left to the nearest levels: their moments take more memory, and more time, than the network's own. */
const LONGEST = 2560;

/** For each place of a column the one that a kernel adds its product to in 16 bits. */
function partnersOf({ node, axis, dims }: Form, length: number): Int32Array | null {
  const order = kernelOrder(node, dims, axis);
  if (!order) return null;
  const step = node.op === 'Conv' || axis === 0 ? 1 : (dims[1] as number);
  const partners = new Int32Array(length).fill(-1);
  for (let k = 0; k + 1 < order.places.length; k += 2) {
    const [a, b] = [order.places[k]! / step, order.places[k + 1]! / step];
    [partners[a], partners[b]] = [b, a];
  }
  return partners;
}

export interface Adapted {
  /** By their form's key. */
  readonly weights: ReadonlyMap<string, QuantizedWeight>;
  /** Weights whose levels changed. */
  readonly layers: number;
  /** Weights that stay as they were, since samples that are held back show no gain. */
  readonly givenUp: number;
  /** Weights that lie on levels already, as those of a network that was restored from an int8 file do. */
  readonly exact: number;
  /** Layers whose weights were left to the nearest levels. */
  readonly left: { node: string; reason: string }[];
}

export interface AdaptOptions {
  /** Whether pairs of weights must not overflow 16 bits. */
  readonly narrow: boolean;
  /** Whether biases are corrected after, which takes back what means lose. */
  readonly biasesFollow: boolean;
}

/**
 * @param bound the source, bound to the samples
 * @param able the source as `insertQdq` was given it
 * @param plan of the source
 * @param nearest what `insertQdq` made of the weights; their scales stay
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function adaptedWeights(
  bound: Model,
  able: Model,
  plan: QuantizationPlan,
  nearest: Pick<InsertResult, 'weights'>,
  params: ReadonlyMap<string, AffineParams>,
  how: AdaptOptions,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Adapted> {
  const index = new GraphIndex(able.graph);
  const forms = new Map<string, Form>();
  const studied = new Map<string, StudiedWeight>();
  const left: Adapted['left'] = [];
  const exact = new Set<string>();
  for (const unit of plan.weighted) {
    const form = formOf(unit, able, index);
    const { key } = form;
    const one = studied.get(key) ?? studiedForm(unit, form, index);
    const { length } = one.layout;
    if (isExact(form, nearest.weights.get(key)!)) {
      exact.add(key);
      continue;
    }
    if (length > LONGEST) {
      const reason = `its weights are rounded to the nearest: an output has ${length} of them, more than ${LONGEST}`;
      left.push({ node: nodeName(unit.node), reason });
      continue;
    }
    one.read(unit.node.inputs[0] as string);
    studied.set(key, one);
    forms.set(key, forms.get(key) ?? form);
  }
  const made = new Map(nearest.weights);
  const products = new Products(options.createSession);
  const batches = inBatches([...studied]);
  let [layers, givenUp] = [0, 0];
  try {
    for (const [b, batch] of batches.entries()) {
      const report = (part: number) => (fraction: number) =>
        options.onProgress?.((b + (part + fraction) / 2) / batches.length);
      await studyReads(bound, batch.map(([, one]) => one), feeds, { ...options, onProgress: report(0) }); // prettier-ignore
      for (const [k, [key, one]] of batch.entries()) {
        checkCancelled(options.signal);
        await new Promise(setImmediate);
        const adapted = await adapt(forms.get(key)!, one, nearest.weights.get(key)!, params, how, products);
        if (adapted) made.set(key, adapted);
        if (adapted) layers++;
        else givenUp++;
        one.release();
        report(1)((k + 1) / batch.length);
      }
    }
  } finally {
    await products.release();
  }
  return { weights: made, layers, givenUp, exact: exact.size, left };
}

function isExact({ data, dims, axis }: Form, { data: levels, scales }: QuantizedWeight): boolean {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  return data.every((w, i) => Math.abs(w / scales[Math.floor(i / inner) % scales.length]! - levels[i]!) < EXACT);
}

/** A product over single places reads what the convolution that it was made of read. */
function studiedForm(unit: WeightedUnit, form: Form, index: GraphIndex): StudiedWeight {
  const written = readsOf(form.node, form.dims, form.axis);
  const reads = unit.asProduct ? readsOf(unit.node, index.floats(unit.weight)!.dims, unit.axis) : written;
  return new StudiedWeight(reads, written.layout, unit.node.op !== 'MatMul');
}

/** Errors of levels in units of the weight. */
const inWeights = (columns: Columns, levels: ArrayLike<number>, steps: Float32Array): Float64Array =>
  errorsOf(columns, levels).map((error, i) => error * steps[i % columns.count]!);

/** @returns null where samples that were held back show no gain */
async function adapt(
  form: Form,
  studied: StudiedWeight,
  known: QuantizedWeight,
  params: ReadonlyMap<string, AffineParams>,
  { narrow, biasesFollow }: AdaptOptions,
  products: Products,
): Promise<QuantizedWeight | null> {
  const { groups, length, columns, at } = studied.layout;
  const partners = narrow ? partnersOf(form, length) : null;
  const bounds: Bounds = { low: -127, high: 127, largestPair: LARGEST_PAIR, partners };
  const scales = studied.values.map((value) => params.get(value)!.scale);
  // What is read is rounded, too: an error that is as large whichever weight it meets.
  const noise = scales.reduce((sum, scale) => sum + scale ** 2 / 12, 0) / scales.length;
  const aboutMean = biasesFollow && studied.corrected;
  const levels = known.data.slice();
  let [before, after] = [0, 0];
  for (let g = 0; g < groups; g++) {
    const wanted = new Float64Array(length * columns);
    const nearest = new Int8Array(length * columns);
    const steps = known.scales.subarray(g * columns, (g + 1) * columns);
    for (let k = 0; k < length; k++)
      for (let n = 0; n < columns; n++) {
        const place = at(g * columns + n, k);
        wanted[k * columns + n] = form.data[place]! / steps[n]!;
        nearest[k * columns + n] = known.data[place]!;
      }
    const one = { length, count: columns, wanted };
    const of = await factored(studied.moments(g, aboutMean, noise), length, products);
    const found = await rounded(one, of, bounds, nearest, products);
    const held = (given: ArrayLike<number>): Promise<number> =>
      studied.heldNoise(g, one, inWeights(one, given, steps), aboutMean, products);
    before += await held(nearest);
    after += await held(found.levels);
    for (let k = 0; k < length; k++)
      for (let n = 0; n < columns; n++) levels[at(g * columns + n, k)] = found.levels[k * columns + n]!;
  }
  return studied.heldRows === 0 || after < before ? { ...known, data: levels } : null;
}
