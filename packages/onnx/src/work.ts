/** What one node costs: multiply-accumulates and bytes moved. */
import { attrInt, attrString } from './attributes.js';
import { byteLengthOf, DATA_TYPES, tensorBytes } from './datatypes.js';
import type { Node, StoredTensor, ValueType } from './ir.js';
import { elementCount } from './tensor.js';

/** The shape of a value when all its sizes are numbers, else null. */
export type Shapes = (name: string | undefined) => readonly number[] | null;

/** Bytes of a stored tensor, wherever they are kept. */
export function storedBytes({ value }: StoredTensor): number {
  if ('external' in value) return value.external.length ?? byteLengthOf(value.dtype, elementCount(value.dims));
  return tensorBytes(value);
}

/** Bytes of a value of this type; null when a size is unknown, or it is no tensor of fixed-width elements. */
export function typeBytes(type: ValueType | null | undefined): number | null {
  if (type?.kind !== 'tensor' || !type.dtype || DATA_TYPES[type.dtype].bits === 0) return null;
  const { shape } = type;
  return shape?.every((d): d is number => typeof d === 'number') ? byteLengthOf(type.dtype, elementCount(shape)) : null;
}

/** Shapes out of types. */
export function shapesOf(types: ReadonlyMap<string, ValueType>): Shapes {
  return (name) => {
    const type = name === undefined ? undefined : types.get(name);
    const dims = type?.kind === 'tensor' ? type.shape : null;
    return dims?.every((d): d is number => typeof d === 'number') ? dims : null;
  };
}

type MacRule = (node: Node, shape: Shapes) => number | null;

const convMacs =
  (weight: number): MacRule =>
  (node, shape) => {
    const [w, out] = [shape(node.inputs[weight]), shape(node.outputs[0])];
    return w && out && elementCount(out) * elementCount(w.slice(1));
  };

const productMacs =
  (a: number): MacRule =>
  (node, shape) => {
    const [x, out] = [shape(node.inputs[a]), shape(node.outputs[0])];
    return x && out && elementCount(out) * (x.at(-1) ?? 1);
  };

const gates: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

/** Each step multiplies input and state by the matrices of every gate and direction. */
const recurrentMacs: MacRule = (node, shape) => {
  const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
  if (!x || !w) return null;
  const directions = attrString(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const rows = w[1]!;
  return x[0]! * x[1]! * directions * rows * (w[2]! + rows / gates[node.op]!);
};

const MACS: Readonly<Record<string, MacRule>> = {
  Conv: convMacs(1),
  ConvInteger: convMacs(1),
  QLinearConv: convMacs(3),
  // Each input element meets every weight of its channel.
  ConvTranspose: (node, shape) => {
    const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
    return x && w && elementCount(x) * elementCount(w.slice(1));
  },
  MatMul: productMacs(0),
  MatMulInteger: productMacs(0),
  QLinearMatMul: productMacs(0),
  Gemm: (node, shape) => {
    const [a, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
    return a && out && elementCount(out) * a[attrInt(node, 'transA', 0) === 1 ? 0 : 1]!;
  },
  LSTM: recurrentMacs,
  GRU: recurrentMacs,
  RNN: recurrentMacs,
};

/** Multiply-accumulates of one run of a node, those of its subgraphs left out; null when a size is unknown. */
export function nodeMacs(node: Node, shape: Shapes): number | null {
  return Object.hasOwn(MACS, node.op) ? MACS[node.op]!(node, shape) : 0;
}
