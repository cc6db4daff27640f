/** A model's inputs and outputs in the form of the contracts. */
import type { TensorSpec } from '@verge/contracts';
import type { Model, ValueInfo } from '@verge/onnx';
import { RuntimeError } from './errors.js';

function spec({ name, type }: ValueInfo): TensorSpec {
  if (type?.kind !== 'tensor' || type.dtype === null || type.shape === null) {
    throw new RuntimeError('unsupported-type', `'${name}' is not a tensor of known type and rank`);
  }
  return {
    name,
    dtype: type.dtype as TensorSpec['dtype'],
    shape: type.shape.map((d) => (typeof d === 'number' ? d : -1)),
  };
}

/**
 * Initializers that older files also list as inputs are left out.
 * @throws RuntimeError `unsupported-type` for an input or output that is no tensor, or of which the model says too little
 */
export function modelPorts({ graph }: Model): { inputs: TensorSpec[]; outputs: TensorSpec[] } {
  return {
    inputs: graph.inputs.filter((i) => !graph.initializers.has(i.name)).map(spec),
    outputs: graph.outputs.map(spec),
  };
}
