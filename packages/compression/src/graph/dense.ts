/** Dense layers, MatMul and Gemm alike: x times a constant matrix, and what is added. */
import { attrFloat, attrInt, type Node } from '@verge/onnx';
import { nodeName, type GraphIndex } from './index-of-values.js';

export interface Dense {
  readonly node: Node;
  /** The constant that holds the matrix. */
  readonly weight: string;
  /** What distinguishes the matrices that are made of one constant. */
  readonly key: string;
  /** Inputs and outputs of the layer. */
  readonly rows: number;
  readonly columns: number;
  /** The matrix, row-major [rows, columns], with Gemm's factor in it. */
  matrix(): Float32Array;
  /** What is added to the product, or null. */
  readonly bias: string | null;
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c] as number;
  return out;
}

/** @returns the layer, the reason why it is none, or null for another operator */
export function denseOf(node: Node, index: GraphIndex): Dense | string | null {
  if (node.domain !== '' || (node.op !== 'MatMul' && node.op !== 'Gemm')) return null;
  const weight = node.inputs[1] as string;
  const tensor = index.floats(weight);
  if (!tensor) return index.constant(weight) ? 'its weight is no float32' : 'its weight is computed';
  if (tensor.dims.length !== 2) return `its weight has ${tensor.dims.length} axes, not 2`;
  if (index.constant(node.inputs[0])) return 'both of its inputs are constants';
  const gemm = node.op === 'Gemm';
  if (gemm && attrInt(node, 'transA', 0) === 1) return 'its input is read transposed';
  const bias = gemm ? node.inputs[2] || null : null;
  if (bias !== null && attrFloat(node, 'beta', 1) !== 1) return 'what it adds has a factor';
  const turned = gemm && attrInt(node, 'transB', 0) === 1;
  const alpha = gemm ? attrFloat(node, 'alpha', 1) : 1;
  const [first, second] = tensor.dims as [number, number];
  return {
    ...{ node, weight, bias },
    key: `${weight} ${turned} ${alpha}`,
    rows: turned ? second : first,
    columns: turned ? first : second,
    matrix: () => {
      const data = turned ? transposed(tensor.data, first, second) : tensor.data;
      return alpha === 1 ? data : data.map((v) => v * alpha);
    },
  };
}

/** What else reads a weight in floats once these layers do not; null where nothing does. */
export function otherReader(weight: string, layers: ReadonlySet<Node>, index: GraphIndex): string | null {
  const other = index.readers(weight).find((node) => !layers.has(node));
  return other ? nodeName(other) : null;
}
