/** Non-uniform quantisation of weights: a list of values for each layer, and each weight's place in it. */
import type { RecipePass } from '@verge/contracts';
import { attrInt, int, type Model, type Node, type StoredTensor } from '@verge/onnx';
import { checkCancelled, CompressionError } from '../../errors.js';
import { cloneModel, GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { checkedKeep, nothingDone } from '../keep.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { lloydMax, placeOf } from './lloyd-max.js';

export type CodebookOptions = Omit<Extract<RecipePass, { pass: 'codebook' }>, 'pass'>;

/** uint4 came with this operator set (ONNX, Cast-21), and with this version of the file's form. */
const UINT4 = { opset: 21, irVersion: 10 };
/** Casts and gathers of a weight cost this many bytes of nodes, names and values: fewer elements than bytes gain nothing. */
const NODES_COST = 512;

/** The axis of the output channels in a weight, or null for operators that have none. */
function channelAxis(node: Node): number | null {
  if (node.domain !== '') return null;
  if (node.op === 'Conv') return 0;
  if (node.op === 'ConvTranspose') return attrInt(node, 'group', 1) === 1 ? 1 : null;
  if (node.op === 'Gemm') return attrInt(node, 'transB', 0) === 1 ? 0 : 1;
  return node.op === 'MatMul' ? 1 : null;
}

interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly axis: number;
  readonly node: string;
}

interface Coded {
  readonly values: Float32Array;
  readonly places: Uint8Array;
  /** A scale for each channel, or null. */
  readonly scales: Float32Array | null;
  /** Signal to quantisation noise of the weight, dB. */
  readonly sqnrDb: number;
}

/** @throws CompressionError `unsuitable-model` when the weight holds numbers that are not finite */
function code({ name, dims, data, axis }: Weight, { bits, scale }: CodebookOptions): Coded {
  if (!data.every(Number.isFinite))
    throw new CompressionError('unsuitable-model', `the weight '${name}' holds numbers that are not finite`);
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const scales = scale === 'channel' ? rootMeanSquares(data, channels, channelOf) : null;
  const plain = Float64Array.from(data, (v, i) => (scales ? v / (scales[channelOf(i)] as number) : v));
  // What counts is the error of the weight itself, so that of a channel's numbers counts by the square of its scale.
  const weights = scales && Float64Array.from(data, (_, i) => (scales[channelOf(i)] as number) ** 2);
  const quantizer = lloydMax(plain, 2 ** bits, weights ?? undefined);
  const values = Float32Array.from(quantizer.values);
  const places = Uint8Array.from(plain, (v) => placeOf(quantizer, v));
  let [signal, noise] = [0, 0];
  data.forEach((v, i) => {
    const stored = (values[places[i] as number] as number) * (scales ? (scales[channelOf(i)] as number) : 1);
    signal += v * v;
    noise += (v - stored) ** 2;
  });
  return { values, places, scales, sqnrDb: noise === 0 ? Infinity : 10 * Math.log10(signal / noise) };
}

/** Root mean square of each channel; 1 where all of it is 0. */
function rootMeanSquares(data: Float32Array, channels: number, channelOf: (i: number) => number): Float32Array {
  const sums = new Float64Array(channels);
  data.forEach((v, i) => (sums[channelOf(i)] = (sums[channelOf(i)] as number) + v * v));
  return Float32Array.from(sums, (sum) => (sum === 0 ? 1 : Math.sqrt((sum * channels) / data.length)));
}

/** Two places in each byte, the first in its lower half (ONNX, TensorProto, uint4). */
const packed = (places: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(places.length / 2) }, (_, i) => places[2 * i]! | ((places[2 * i + 1] ?? 0) << 4));

/** INT32 in TensorProto.DataType (onnx.proto). */
const INT32 = 6;

/**
 * Nodes that make the weight from what is stored, under its own name: Mul(Gather(values, Cast(places)), scales). ONNX Runtime computes
 * them once, when it loads the model.
 */
function store(model: Model, weight: Weight, { values, places, scales }: Coded, bits: number): Node[] {
  const { name, dims, axis } = weight;
  const { initializers } = model.graph;
  const put = (suffix: string, value: (StoredTensor & object)['value']): string => {
    const own = `${name}/${suffix}`;
    initializers.set(own, { name: own, value });
    return own;
  };
  const stored =
    bits <= 4
      ? put('places', { dtype: 'uint4', dims, data: packed(places) })
      : put('places', { dtype: 'uint8', dims, data: places });
  const list = put('values', { dtype: 'float32', dims: [values.length], data: values });
  const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = new Map()): Node => ({
    op,
    domain: '',
    name: `${name}/${op}`,
    inputs,
    outputs: [output],
    attributes,
  });
  initializers.delete(name);
  const made = [
    node('Cast', [stored], `${name}/indices`, new Map([['to', int(INT32)]])),
    node('Gather', [list, `${name}/indices`], scales ? `${name}/gathered` : name),
  ];
  if (!scales) return made;
  const shape = dims.slice(axis).map((d, i) => (i === 0 ? d : 1));
  const scale = put('scales', { dtype: 'float32', dims: shape, data: scales });
  return [...made, node('Mul', [`${name}/gathered`, scale], name)];
}

function weightsOf(
  model: Model,
  { keep, bits }: CodebookOptions,
): { weights: Weight[]; declined: PassResult['declined'] } {
  const index = new GraphIndex(model.graph);
  const declined: PassResult['declined'] = [];
  const weights = new Map<string, Weight>();
  for (const node of model.graph.nodes) {
    const axis = channelAxis(node);
    if (axis === null) continue;
    const name = node.inputs[1] as string;
    const decline = (reason: string): unknown => declined.push({ node: nodeName(node), reason });
    const tensor = index.floats(name);
    const readers = index.readers(name).map(nodeName);
    const kept = keep.find((k) => readers.includes(k));
    const saved = tensor ? tensor.data.length * (4 - (bits <= 4 ? 0.5 : 1)) - 4 * 2 ** bits : 0;
    if (!tensor) decline('its weight is no float32 constant of the model');
    else if (tensor.dims.length < 2) decline('its weight is a vector');
    else if (kept !== undefined)
      decline(kept === nodeName(node) ? 'the recipe keeps it' : `the recipe keeps '${kept}', which shares its weight`);
    else if (saved < NODES_COST) decline(`its ${tensor.data.length} weights would take no less in a list`);
    else if (!weights.has(name))
      weights.set(name, { name, dims: tensor.dims, data: tensor.data, axis, node: nodeName(node) });
  }
  return { weights: [...weights.values()], declined };
}

/**
 * The file shrinks to about `bits / 32` of its weights, and the weights that run are still floats: latency is that of the model it was.
 *
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when no weight is worth it, or one
 *   is not finite, `cancelled`
 */
export async function codebook(model: Model, options: CodebookOptions, context: PassContext): Promise<PassResult> {
  checkedKeep(model, options.keep);
  const { model: inside, lifted } = liftConstants(model);
  const { model: able, raised } =
    options.bits <= 4
      ? atLeastOpset(inside, UINT4.opset, `a weight of ${options.bits} bits`)
      : { model: inside, raised: 0 };
  const { weights, declined } = weightsOf(able, options);
  if (weights.length === 0) nothingDone('no weight is worth a list of values', declined);
  const result = cloneModel(able);
  if (options.bits <= 4) result.irVersion = Math.max(result.irVersion, UINT4.irVersion);
  const made: Node[] = [];
  const notes: string[] = [];
  for (const [i, weight] of weights.entries()) {
    checkCancelled(context.signal);
    // Others get a turn: sorting a large layer takes a second.
    await new Promise(setImmediate);
    const coded = code(weight, options);
    made.push(...store(result, weight, coded, options.bits));
    notes.push(
      `${weight.node}: ${coded.values.length} values, ${coded.sqnrDb === Infinity ? 'exact' : `${coded.sqnrDb.toFixed(1)} dB`}`,
    );
    context.onProgress?.((i + 1) / weights.length);
  }
  result.graph.nodes.unshift(...made);
  const changes = {
    weights: weights.length,
    ...(lifted > 0 && { constantsLifted: lifted }),
    ...(raised > 0 && { operatorSetsRaised: raised }),
  };
  return { model: result, changes, declined, notes };
}
