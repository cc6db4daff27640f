/** The layers that can be taken apart, as kernels. */
import { attrFloat, attrInt, attrInts, type Node } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';
import type { Kernel } from './kernel.js';
import type { Steps } from './ranks.js';

export interface Layer {
  readonly kernel: Kernel;
  readonly steps: Steps;
  /** Whether the weight in the file is [I, O] rather than [O, I]. */
  readonly turned: boolean;
  readonly weight: string;
}

const turnedOver = (data: Float32Array, rows: number, columns: number): Float64Array => {
  const result = new Float64Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c] as number;
  return result;
};

function convolution(node: Node, dims: readonly number[], data: Float32Array): Omit<Layer, 'weight'> | string {
  const group = attrInt(node, 'group', 1);
  if (group !== 1) return `it has ${group} groups, whose filters are small already`;
  const [outputs, inputs, ...window] = dims as [number, number, ...number[]];
  const strides = attrInts(
    node,
    'strides',
    window.map(() => 1),
  );
  const steps = { rows: Number(strides[0] ?? 1), columns: strides.slice(1).reduce((a, b) => a * Number(b), 1) };
  return { kernel: { outputs, inputs, window, data: Float64Array.from(data) }, steps, turned: false };
}

function dense(node: Node, dims: readonly number[], data: Float32Array): Omit<Layer, 'weight'> | string {
  if (dims.length !== 2) return 'its second factor is no matrix';
  if (node.op === 'Gemm' && attrInt(node, 'transA', 0) !== 0) return 'its first factor is transposed';
  if (node.op === 'Gemm' && attrFloat(node, 'alpha', 1) !== 1) return 'its alpha is not 1';
  const turned = node.op === 'MatMul' || attrInt(node, 'transB', 0) === 0;
  const [rows, columns] = dims as [number, number];
  const [outputs, inputs] = turned ? [columns, rows] : [rows, columns];
  const kernel = {
    outputs,
    inputs,
    window: [],
    data: turned ? turnedOver(data, rows, columns) : Float64Array.from(data),
  };
  return { kernel, steps: { rows: 1, columns: 1 }, turned };
}

/** What a node is, or why it cannot be taken apart; null for other operators. */
export function layerOf(node: Node, index: GraphIndex): Layer | string | null {
  if (node.domain !== '' || !['Conv', 'Gemm', 'MatMul'].includes(node.op)) return null;
  const weight = node.inputs[1] as string;
  const stored = index.floats(weight);
  if (!stored) return 'its weight is no float32 constant of the model';
  if (index.readers(weight).length > 1 || index.outputs.has(weight)) return 'its weight is shared';
  const layer = (node.op === 'Conv' ? convolution : dense)(node, stored.dims, stored.data);
  return typeof layer === 'string' ? layer : { ...layer, weight };
}
