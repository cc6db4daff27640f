/** Who can make a value with each channel divided by a factor: a normalisation, or the weights of the layer before. */
import { attrInt, type Node } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';

export interface Constant {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A constant that an input of a node becomes, from the one that it reads by then: each element changed by its channel's factor. */
export interface Edit {
  readonly node: Node;
  readonly input: number;
  readonly change: (constant: Constant, factors: Float64Array) => Constant;
}

/** Operators that a positive factor passes through. */
const HOMOGENEOUS = new Set(['Relu', 'LeakyRelu', 'Identity', 'Dropout']);

/** Every element divided (or multiplied) by the factor of its last index; a single number becomes one for each channel. */
function byLastAxis(index: GraphIndex, node: Node, input: number, times = false): Edit | null {
  if (!index.floats(node.inputs[input])) return null;
  const change: Edit['change'] = ({ dims, data }, factors) => {
    const spread = (dims.at(-1) ?? 1) !== factors.length;
    const out = Float32Array.from({ length: spread ? data.length * factors.length : data.length }, (_, i) => {
      const factor = factors[i % factors.length] as number;
      const value = data[spread ? Math.floor(i / factors.length) : i] as number;
      return times ? value * factor : value / factor;
    });
    return { dims: spread ? [...dims.slice(0, -1), factors.length] : dims, data: out };
  };
  return { node, input, change };
}

/** The rows of a matrix divided (or multiplied) by the factors of their first index. */
function byFirstAxis(index: GraphIndex, node: Node, input: number, times = false): Edit | null {
  if (index.floats(node.inputs[input])?.dims.length !== 2) return null;
  const change: Edit['change'] = ({ dims, data }, factors) => {
    const of = (i: number): number => factors[Math.floor(i / (dims[1] as number))] as number;
    return { dims, data: data.map((v, i) => (times ? v * of(i) : v / of(i))) };
  };
  return { node, input, change };
}

/** The edit that multiplies a dense layer's weights by the factors of its inputs. */
export function timesInputs(index: GraphIndex, node: Node): Edit {
  const turned = node.op === 'Gemm' && attrInt(node, 'transB', 0) === 1;
  return (turned ? byLastAxis(index, node, 1, true) : byFirstAxis(index, node, 1, true)) as Edit;
}

const all = (...edits: (Edit | null)[]): Edit[] | null => (edits.includes(null) ? null : (edits as Edit[]));

/** Constants of one axis at most, or of leading ones: what is added or multiplied for each channel. */
const isPerChannel = (index: GraphIndex, value: string | undefined, channels: number): boolean => {
  const dims = index.floats(value)?.dims;
  return dims !== undefined && (dims.length === 0 || dims.at(-1) === channels || dims.at(-1) === 1);
};

const isMatrix = (index: GraphIndex, value: string | undefined, axis: 0 | 1, channels: number): boolean => {
  const dims = index.floats(value)?.dims;
  return dims?.length === 2 && dims[axis] === channels;
};

/**
 * The edits with which a value is made divided by factors of its last axis; null where there are none. What lies between must be read
 * by nothing else.
 * @param channels of the value
 */
export function absorb(value: string, channels: number, index: GraphIndex): Edit[] | null {
  const node = index.producers.get(value);
  if (!node || node.domain !== '' || node.outputs[0] !== value) return null;
  const [first, second] = node.inputs as [string, string?];
  const before = (at: string): Edit[] | null => (index.soleReader(at) ? absorb(at, channels, index) : null);
  const then = (rest: Edit[] | null, edit: Edit | null): Edit[] | null => (rest && edit ? [...rest, edit] : null);
  if (HOMOGENEOUS.has(node.op)) return before(first);
  if (node.op === 'LayerNormalization') {
    const [scale, bias] = [byLastAxis(index, node, 1), node.inputs[2] ? byLastAxis(index, node, 2) : null]; // prettier-ignore
    const last = attrInt(node, 'axis', -1);
    if (last !== -1 || index.floats(second)?.dims.join() !== `${channels}`) return null;
    return node.inputs[2] ? all(scale, bias) : all(scale);
  }
  if (node.op === 'MatMul') return isMatrix(index, second, 1, channels) ? all(byLastAxis(index, node, 1)) : null; // prettier-ignore
  if (node.op === 'Gemm') {
    const turned = attrInt(node, 'transB', 0) === 1;
    if (!isMatrix(index, second, turned ? 0 : 1, channels)) return null;
    const weight = turned ? byFirstAxis(index, node, 1) : byLastAxis(index, node, 1);
    return node.inputs[2] ? all(weight, isPerChannel(index, node.inputs[2], channels) ? byLastAxis(index, node, 2) : null) : all(weight); // prettier-ignore
  }
  const constant = isPerChannel(index, second, channels) ? 1 : isPerChannel(index, first, channels) ? 0 : null;
  if (constant === null) return null;
  const other = (constant === 1 ? first : second) as string;
  if (node.op === 'Mul') return all(byLastAxis(index, node, constant));
  if (node.op === 'Div' && constant === 1) return all(byLastAxis(index, node, 1, true));
  if (node.op === 'Add' || node.op === 'Sub') return then(before(other), byLastAxis(index, node, constant));
  return null;
}
