/** The element type that a preprocessed sample gets: its own, or a float type of the model's that holds it. */
import type { Preprocess, TensorSpec } from '@verge/contracts';
import type { Elements } from '@verge/data';
import { float16Bits, type Tensor } from '@verge/onnx';

type SampleType = 'float32' | 'uint8' | 'float16' | 'float64';

/** float32 becomes float64 as it is, and float16 rounded to the nearest, which is the rounding of that type. */
export function sampleType({ output }: Preprocess, { dtype }: TensorSpec): SampleType {
  const float = output.dtype === 'float32' && (dtype === 'float16' || dtype === 'float64');
  return float ? dtype : output.dtype;
}

/** @param data elements as the preprocessing gave them */
export function sampleTensor(dtype: SampleType, dims: readonly number[], data: Elements): Tensor {
  if (dtype === 'float16') return { dtype, dims, data: Uint16Array.from(data, float16Bits) };
  if (dtype === 'float64') return { dtype, dims, data: Float64Array.from(data) };
  return { dtype, dims, data } as Tensor;
}
