import type { FedInput } from '@verge/onnx';
import { isCarried } from './convert.js';
import type { Port } from './loaded-session.js';

/** Inputs of a loaded model for who draws values and looks for sizes. */
export function fedPorts(inputs: readonly Port[]): FedInput[] {
  return inputs.map(({ name, dtype, shape }) => ({
    name,
    dtype: isCarried(dtype) ? dtype : null,
    shape: shape.map((d) => (d === '' || (typeof d === 'number' && d < 0) ? null : d)),
  }));
}
