/** From stored samples to what the network reads: gathered, augmented, cast. Pure, so that a worker thread may do it. */
import { augmentBatch, mixBatch } from '@verge/data/augment';
import type { AugmentationConfig } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import type { InputValues } from '../samples.js';

/** Element types that a network's input may have. */
export const inputTypes = ['float32', 'int32', 'int64'] as const;
export type InputType = (typeof inputTypes)[number];

export type NetworkInput = Float32Array | Int32Array | BigInt64Array;

/** The element type of a model's first input; float32 when it is none of the above, which the session then refuses. */
export function inputTypeOf({ graph }: Model): InputType {
  const type = graph.inputs.find((i) => !graph.initializers.has(i.name))?.type;
  const dtype = type?.kind === 'tensor' ? type.dtype : undefined;
  return inputTypes.find((known) => known === dtype) ?? 'float32';
}

/** What is done to every batch of a run. */
export interface Preparation {
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly dtype: InputType;
  readonly augmentation?: AugmentationConfig;
}

/** Elements in the network's type; fractions are cut off where it reads whole numbers. */
export function castInput(values: InputValues, dtype: InputType): NetworkInput {
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  const wide = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) wide[i] = BigInt(Math.trunc(values[i]!));
  return wide;
}

/**
 * @param values samples of a batch, row-major
 * @param seed of the batch: all that is random follows from it
 */
export function prepareInput(
  values: InputValues,
  seed: number,
  { shape, dtype, augmentation }: Preparation,
): NetworkInput {
  const cast = castInput(values, dtype);
  if (!augmentation || !(cast instanceof Float32Array)) return cast;
  const moved = augmentBatch(cast, shape, augmentation, seed);
  return augmentation.mixup === undefined ? moved : mixBatch(moved, shape, augmentation.mixup, seed);
}
