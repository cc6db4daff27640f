/** Removes channels from a model: every constant that depends on them gets its new shape. */
import { int, type Model, type StoredTensor, type Tensor } from '@verge/onnx';
import { cloneModel } from '../../graph/index-of-values.js';
import type { Slot, Space } from '../../graph/channel-space.js';

/** The slices of `axis` that belong to the kept channels, `repeat` consecutive ones each. */
export function gatherSlices(tensor: Tensor, { axis, repeat }: Slot, keep: Int32Array): Tensor {
  const { dims } = tensor;
  const outer = dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const width = dims[axis] as number;
  const block = repeat * inner;
  if (tensor.dtype !== 'float32') throw new TypeError(`a ${tensor.dtype} constant cannot be pruned`);
  const data = new Float32Array(outer * keep.length * block);
  for (let o = 0; o < outer; o++) {
    keep.forEach((channel, k) => {
      const from = o * width * inner + channel * block;
      data.set(tensor.data.subarray(from, from + block), (o * keep.length + k) * block);
    });
  }
  return { dtype: 'float32', dims: dims.map((d, i) => (i === axis ? keep.length * repeat : d)), data };
}

/**
 * @param keep the channels that each space keeps, ascending
 * @returns a model with smaller constants; its intermediate types are dropped, since they changed
 */
export function removeChannels(model: Model, spaces: readonly Space[], keep: readonly Int32Array[]): Model {
  const result = cloneModel(model);
  const { initializers, nodes, values } = result.graph;
  spaces.forEach((space, s) => {
    const kept = keep[s] as Int32Array;
    if (kept.length === space.size) return;
    for (const slot of space.slots) {
      const stored = initializers.get(slot.initializer) as StoredTensor & { value: Tensor };
      initializers.set(slot.initializer, { ...stored, value: gatherSlices(stored.value, slot, kept) });
    }
    for (const { initializer, position, repeat } of space.targets) {
      const stored = initializers.get(initializer) as StoredTensor & { value: Tensor };
      const data = BigInt64Array.from(stored.value.data as BigInt64Array);
      data[position] = BigInt(kept.length * repeat);
      initializers.set(initializer, { ...stored, value: { dtype: 'int64', dims: stored.value.dims, data } });
    }
    for (const output of space.groups) {
      nodes.find((n) => n.outputs[0] === output)?.attributes.set('group', int(kept.length));
    }
  });
  values.clear();
  return result;
}
