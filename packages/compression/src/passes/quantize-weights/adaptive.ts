/** Adaptive rounding of weights in blocks: what each product gives on samples changes least, not each weight. */
import type { Model } from '@verge/onnx';
import { checkCancelled } from '../../errors.js';
import type { Dense } from '../../graph/dense.js';
import { nodeName } from '../../graph/index-of-values.js';
import { Products } from '../../linear-algebra/products.js';
import { errorsOf, factored, rounded, type Columns, type Factored } from '../../rounding/nearest-plane.js';
import { readsOf } from '../../rounding/reads.js';
import { inBatches, StudiedWeight, studyReads } from '../../rounding/study.js';
import type { StudyOptions } from '../../study/calibrate.js';
import type { Feeds } from '../../study/feeds.js';
import type { QuantizeWeightsOptions } from './layers.js';
import { nearestLevels, type Levels } from './matrix.js';
import { linesOf } from './write.js';

/** Longer outputs are left to the nearest levels: their moments alone take more than 128 MiB. */
const LONGEST = 4096;

/** Weights that are rounded at a time: what is kept of each takes 40 bytes. */
const AT_ONCE = 2 ** 20;

export interface Adapted {
  /** By the matrix's key. */
  readonly levels: ReadonlyMap<string, Levels>;
  /** Matrices that stay at their nearest levels, since samples that are held back show no gain. */
  readonly givenUp: number;
  readonly left: { node: string; reason: string }[];
}

/**
 * @param bound the source, bound to the samples
 * @param layers of the source; scales and zero points of blocks are those of the nearest levels
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function adaptedLevels(
  bound: Model,
  layers: readonly Dense[],
  options: QuantizeWeightsOptions,
  feeds: Feeds,
  study: StudyOptions,
): Promise<Adapted> {
  const studied = new Map<string, StudiedWeight>();
  const own = new Map<string, Dense>();
  const left: Adapted['left'] = [];
  for (const layer of layers) {
    const { key, node, rows, columns } = layer;
    if (rows > LONGEST) {
      const reason = `its weights are rounded to the nearest: an output has ${rows} of them, more than ${LONGEST}`;
      left.push({ node: nodeName(node), reason });
      continue;
    }
    const reads = readsOf({ ...node, op: 'MatMul' }, [rows, columns], 1);
    const one = studied.get(key) ?? new StudiedWeight(reads, reads.layout, false);
    one.read(node.inputs[0] as string);
    studied.set(key, one);
    own.set(key, layer);
  }
  const levels = new Map<string, Levels>();
  let givenUp = 0;
  const products = new Products(study.createSession);
  const batches = inBatches([...studied]);
  try {
    for (const [b, batch] of batches.entries()) {
      const report = (part: number) => (fraction: number) =>
        study.onProgress?.((b + (part + fraction) / 2) / batches.length);
      await studyReads(bound, batch.map(([, one]) => one), feeds, { ...study, onProgress: report(0) }); // prettier-ignore
      for (const [i, [key, one]] of batch.entries()) {
        const adapted = await adapt(own.get(key)!, one, options, products, study.signal);
        if (adapted) levels.set(key, adapted);
        else givenUp++;
        one.release();
        report(1)((i + 1) / batch.length);
      }
    }
  } finally {
    await products.release();
  }
  return { levels, givenUp, left };
}

/** @returns null where samples that were held back show no gain */
async function adapt(
  layer: Dense,
  studied: StudiedWeight,
  options: QuantizeWeightsOptions,
  products: Products,
  signal: AbortSignal | undefined,
): Promise<Levels | null> {
  const { rows: length, columns } = layer;
  const nearest = await nearestLevels(linesOf(layer), options.blockSize, options, signal);
  const of = await factored(studied.moments(0, false, 0), length, products);
  const places = nearest.places.slice();
  const matrix = layer.matrix();
  const each = Math.max(1, Math.floor(AT_ONCE / length));
  let [before, after] = [0, 0];
  for (let first = 0; first < columns; first += each) {
    checkCancelled(signal);
    await new Promise(setImmediate);
    const part = partOf(layer, matrix, nearest, [first, Math.min(columns, first + each)], options.blockSize);
    const found = await roundedPart(part, of, options.bits, products);
    const held = (given: ArrayLike<number>): Promise<number> =>
      studied.heldNoise(0, part.columns, errorsOf(part.columns, given), false, products);
    before += await held(part.nearest);
    after += await held(found);
    for (let n = 0; n < part.columns.count; n++)
      for (let k = 0; k < length; k++) places[(first + n) * length + k] = found[k * part.columns.count + n]!;
  }
  return studied.heldRows === 0 || after < before ? { ...nearest, places } : null;
}

interface Part {
  readonly columns: Columns;
  /** [length, count] */
  readonly nearest: Uint8Array;
}

/** Some columns of a matrix, one place of all of them after the other. */
function partOf(
  { rows: length, columns }: Dense,
  matrix: Float32Array,
  { places, scales, zeros }: Levels,
  [first, end]: readonly [number, number],
  size: number,
): Part {
  const count = end - first;
  const blocks = Math.ceil(length / size);
  const wanted = new Float64Array(length * count);
  const nearest = new Uint8Array(length * count);
  for (let k = 0; k < length; k++)
    for (let n = 0; n < count; n++) {
      wanted[k * count + n] = matrix[k * columns + first + n]!;
      nearest[k * count + n] = places[(first + n) * length + k]!;
    }
  const ofBlocks = { size, steps: new Float64Array(blocks * count), zeros: new Uint8Array(blocks * count) };
  for (let b = 0; b < blocks; b++)
    for (let n = 0; n < count; n++) {
      ofBlocks.steps[b * count + n] = scales[(first + n) * blocks + b]!;
      ofBlocks.zeros[b * count + n] = zeros[(first + n) * blocks + b]!;
    }
  return { columns: { length, count, wanted, blocks: ofBlocks }, nearest };
}

async function roundedPart(
  { columns, nearest }: Part,
  of: Factored,
  bits: number,
  products: Products,
): Promise<Int16Array> {
  const bounds = { low: 0, high: 2 ** bits - 1, partners: null, largestPair: Infinity };
  return (await rounded(columns, of, bounds, nearest, products)).levels;
}
