/** Tensors whose elements are made when somebody asks for them: weights that lie in a file, or that follow from others. */
import type { Tensor } from './tensor.js';

type Numbers = Exclude<Tensor, { dtype: 'string' }>;

const lazies = new WeakSet<object>();

/**
 * A tensor like any other, except that `data` calls `make`, unless what that gave last is still in memory. A copy of the object
 * (`{ ...tensor }`) holds its elements.
 * @param make the same elements each time, as many as `dims` say
 */
export function lazyTensor(dtype: Numbers['dtype'], dims: readonly number[], make: () => Numbers['data']): Tensor {
  let last: WeakRef<Numbers['data']> | undefined;
  const tensor = {
    dtype,
    dims,
    get data(): Numbers['data'] {
      const held = last?.deref();
      if (held) return held;
      const made = make();
      last = new WeakRef(made);
      return made;
    },
  };
  lazies.add(tensor);
  return tensor as Tensor;
}

/** Whether a tensor's elements are made anew where nobody holds them. */
export const isLazy = (tensor: object): boolean => lazies.has(tensor);
