/** Values that a layer starts with, by the node that reads them. */
import { attrInt, elementCount, type Node } from '@verge/onnx';
import type { ParameterRole } from '../parameters.js';
import { Random } from '../random.js';

/** Elements that go into, and come out of, one element of a layer's weight. */
function fans(node: Node, dims: readonly number[]): { inside: number; outside: number } {
  const [first, second] = [dims[0] ?? 1, dims[1] ?? 1];
  const window = elementCount(dims.slice(2));
  const group = attrInt(node, 'group', 1);
  if (node.op === 'Conv') return { inside: second * window, outside: (first / group) * window };
  if (node.op === 'ConvTranspose') return { inside: (first / group) * window, outside: second * window };
  const turned = node.op === 'Gemm' && attrInt(node, 'transB', 0) === 1;
  // Leading axes of a matrix (or a recurrent layer's direction) are copies.
  const [rows, columns] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  const recurrent = node.op === 'LSTM' || node.op === 'GRU' || node.op === 'RNN';
  return turned || recurrent ? { inside: columns, outside: rows } : { inside: rows, outside: columns };
}

/**
 * Glorot's uniform values for weights, drawn from a stream of the parameter's own name; 1 for scales, 0 for the rest.
 * @param node the node that reads the parameter
 */
export function initialValues(
  node: Node,
  name: string,
  role: ParameterRole,
  dims: readonly number[],
  seed: number,
): Float32Array {
  const values = new Float32Array(elementCount(dims));
  if (role === 'scale') return values.fill(1);
  if (role !== 'weight') return values;
  const { inside, outside } = fans(node, dims);
  const random = new Random(seed, 'initial', name);
  const bound = Math.sqrt(6 / (inside + outside));
  return values.map(() => random.uniform(-bound, bound));
}
