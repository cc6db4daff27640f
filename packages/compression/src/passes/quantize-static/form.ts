/** The form in which a unit with weights is written, where it is not its own. */
import { attrInt, attrInts, type Model, type Node } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';
import type { WeightedUnit } from './plan.js';
import { shapeIn } from './shapes.js';
import { asConv, atPlaces, convAttributes, convWeight } from './transposed-conv.js';

/** What units that share a weight and its scales have in common. */
export const keyOf = ({ weight, axis }: Pick<WeightedUnit, 'weight' | 'axis'>): string => `${weight}@${axis}`;

export interface Form {
  /** Units of one key share what is written of their weight. */
  readonly key: string;
  /** What computes with it. */
  readonly node: Node;
  /** Axis of the output channels. */
  readonly axis: number;
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly bias: Float32Array | null;
  /** What there is one of for each channel of the unit, for each channel that is written. */
  readonly forChannels: (values: Float32Array) => Float32Array;
  /** Where the outputs are the places of blocks: the length of one, and height and width of the input, where they are proven. */
  readonly blocks: { readonly length: number; readonly from: readonly [number, number] | null } | null;
}

/** Whether a convolution is a product over the channels of each place. */
export function isPointwise(node: Node, dims: readonly number[]): boolean {
  const all = (name: string, value: number): boolean => attrInts(node, name, []).every((v) => v === value);
  return (
    node.op === 'Conv' &&
    dims.length > 2 &&
    dims.slice(2).every((size) => size === 1) &&
    attrInt(node, 'group', 1) === 1 &&
    all('strides', 1) &&
    all('pads', 0)
  );
}

function turned(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  // A callback for each element takes thirty times as long, and each plan that is tried asks anew.
  for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < columns; c++, at++) out[c * rows + r] = data[at]!;
  return out;
}

const same = (values: Float32Array): Float32Array => values;

/** A transposed convolution is written as a convolution, and one over single places that gives floats as a product. */
export function formOf(unit: WeightedUnit, model: Model, index: GraphIndex): Form {
  const { node, weight, axis } = unit;
  const values = index.floats(weight) as { dims: readonly number[]; data: Float32Array };
  const bias = index.floats(unit.bias ?? undefined)?.data ?? null;
  if (unit.asProduct) {
    const [outputs, inputs] = values.dims as [number, number];
    return {
      key: `${keyOf(unit)} product`,
      node: { ...node, op: 'MatMul', attributes: new Map() },
      axis: 1,
      dims: [inputs, outputs],
      data: turned(values.data, outputs, inputs),
      bias,
      forChannels: same,
      blocks: null,
    };
  }
  const conv = node.op === 'ConvTranspose' ? asConv(node, values.dims) : null;
  if (conv === null || typeof conv === 'string')
    return {
      key: keyOf(unit),
      node,
      axis,
      dims: values.dims,
      data: values.data,
      bias,
      forChannels: same,
      blocks: null,
    };
  const [, , height, width] = shapeIn(model, node.inputs[0] as string).map(Number);
  const from = conv.group === 1 && conv.stride > 1 && height && width ? ([height, width] as const) : null;
  const forChannels = (of: Float32Array): Float32Array => atPlaces(conv, of, from !== null);
  return {
    key: `${keyOf(unit)} ${node.outputs[0]}`,
    node: { ...node, op: 'Conv', attributes: convAttributes(conv) },
    axis: 0,
    ...convWeight(conv, values, from !== null),
    bias: bias && forChannels(bias),
    forChannels,
    blocks: conv.stride > 1 ? { length: conv.stride, from } : null,
  };
}
