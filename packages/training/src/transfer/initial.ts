/** Values that a layer starts with, by the node that reads them. */
import { attrInt, attrInts, elementCount, type Node } from '@verge/onnx';
import { draw, weightDistribution, type Layer } from '../initialisation.js';
import type { ParameterRole } from '../parameters.js';
import { Random } from '../random.js';

function layerOf(node: Node, dims: readonly number[]): Layer {
  return {
    op: node.op,
    dims,
    group: attrInt(node, 'group', 1),
    strides: attrInts(node, 'strides', []),
    transB: attrInt(node, 'transB', 0) === 1,
  };
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
  const random = new Random(seed, 'initial', name);
  const from = weightDistribution('glorot-uniform', layerOf(node, dims));
  return values.map(() => draw(from, random));
}
