/**
 * Operators without weights by what ONNX Runtime's optimiser makes of them for the CPU between pairs of QuantizeLinear and
 * DequantizeLinear (read in the graphs that it writes, versions 1.30 and 1.32).
 */
import { attrFloat, attrString, type Node } from '@verge/onnx';

/**
 * - `own`: a kernel on integers, whose inputs and output each have parameters of their own
 * - `moves`: values go through unchanged, on integers where the parameters before and behind are the same
 * - `cuts`: what the quantization behind it does anyway, where its own ends are the least and the largest value
 */
export type Way = 'own' | 'moves' | 'cuts';

/** A way, or why the operator stays in floats. */
type Row = string | ((node: Node) => Way | string);

/** No kernel on integers gives indices or a mask beside the values. */
const one = (node: Node, way: Way): Way | string =>
  node.outputs.filter((name) => name !== '').length === 1 ? way : 'a further output of it is read';

const rows: Readonly<Record<string, Row>> = {
  Add: 'own',
  Mul: 'own',
  AveragePool: 'own',
  GlobalAveragePool: 'own',
  Concat: 'own',
  Sigmoid: 'own',
  // A sum of the input with another scale and a constant, cut off by the quantization behind it: ranges are such that it does.
  HardSigmoid: (node) =>
    attrFloat(node, 'alpha', 0.2) > 0 && attrFloat(node, 'beta', 0.5) > 0 ? 'own' : 'alpha or beta is not above 0',
  LeakyRelu: 'own',
  Relu: 'cuts',
  Clip: 'cuts',
  MaxPool: (node) => one(node, 'moves'),
  Reshape: 'moves',
  Flatten: 'moves',
  Squeeze: 'moves',
  Unsqueeze: 'moves',
  Transpose: 'moves',
  DepthToSpace: 'moves',
  Slice: 'moves',
  Split: 'moves',
  Gather: 'moves',
  Expand: 'moves',
  Tile: 'moves',
  ReduceMax: 'moves',
  Resize: (node) =>
    attrString(node, 'mode', 'nearest') === 'nearest'
      ? 'moves'
      : 'the kernel on integers cuts off the fractions of what lies between, and takes longer than floats',
  Pad: 'there is no kernel on integers between pairs',
  LSTM: '`quantize-dynamic` has one on integers, with ranges that it finds at each run',
  GRU: 'there is no GRU on integers; `quantize-dynamic` stores its weights in int8',
  RNN: 'there is no RNN on integers; `quantize-dynamic` stores its weights in int8',
};

const NONE = 'there is no kernel on integers for it';

/** How a node without weights runs on integers, or why it does not. */
export function wayOf(node: Node): Way | string {
  if (node.domain !== '') return `${NONE} (operator set '${node.domain}')`;
  const row = rows[node.op] ?? NONE;
  return typeof row === 'function' ? row(node) : row;
}

export const isWay = (found: string): found is Way => found === 'own' || found === 'moves' || found === 'cuts';

/** What a moving operator hands on, or any other computes with; the rest are shapes and indices. */
export function dataOf(node: Node, way: Way): string[] {
  return way === 'own' ? node.inputs.filter((name) => name !== '') : node.inputs.slice(0, 1);
}
