/** A batch in equal parts: what replicas and micro-batches read of it. */
import { elementCount, int64, type Tensor } from '@verge/onnx';
import { Random } from '../random.js';

export type Feeds = Readonly<Record<string, Tensor>>;

/** Rows of part `index` of `parts`: every tensor is cut along its first axis, without a copy. */
export function partOf(feeds: Feeds, index: number, parts: number): Record<string, Tensor> {
  const cut = (tensor: Tensor): Tensor => {
    const [rows = 1, ...rest] = tensor.dims;
    const size = (rows / parts) * elementCount(rest);
    const data =
      tensor.dtype === 'string'
        ? tensor.data.slice(index * size, (index + 1) * size)
        : tensor.data.subarray(index * size, (index + 1) * size);
    return { ...tensor, dims: [rows / parts, ...rest], data } as Tensor;
  };
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, cut(tensor)]));
}

/** The dropout seed of a part: another one for each, or its masks would repeat. */
export function seedOfPart(seed: number, index: number): Tensor {
  return int64([], [new Random(seed, 'part', index).uint32()]);
}
