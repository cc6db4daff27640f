/** From stored samples to what the network reads: gathered, augmented, cast. Pure, so that a worker thread may do it. */
import { augmentBatch, mixBatch } from '@verge/data/augment';
import type { AugmentationConfig } from '@verge/contracts';
import type { Model, ValueInfo } from '@verge/onnx';
import type { InputValues } from '../samples.js';
import { mainInput, type SampleShape } from '../transfer/ports.js';

/** Element types that a network's input may have. */
export const inputTypes = ['float32', 'int32', 'int64', 'bool'] as const;
export type InputType = (typeof inputTypes)[number];

/** Bytes are booleans. */
export type NetworkInput = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** The element type of an input; float32 when it is none of the above, which the session then refuses. */
function typeOf(info: ValueInfo | undefined): InputType {
  const dtype = info?.type?.kind === 'tensor' ? info.type.dtype : undefined;
  return inputTypes.find((known) => known === dtype) ?? 'float32';
}

/** The element type of a model's main input: the first that is none of `others`. */
export function inputTypeOf({ graph }: Model, others?: Readonly<Record<string, unknown>>): InputType {
  return typeOf(mainInput(graph, others));
}

/** The element types of a model's inputs by name. */
export function inputTypesOf({ graph }: Model): Record<string, InputType> {
  return Object.fromEntries(graph.inputs.map((info) => [info.name, typeOf(info)]));
}

/** What is done to every batch of a run. */
export interface Preparation {
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly dtype: InputType;
  /** Element types of further inputs, by name. */
  readonly others?: Readonly<Record<string, InputType>>;
  readonly augmentation?: AugmentationConfig;
}

/** What is done to the samples of a source for a network in training form. */
export function preparationOf(
  model: Model,
  { shape }: SampleShape,
  augmentation: AugmentationConfig | undefined,
): Preparation {
  return { shape, dtype: inputTypeOf(model), others: inputTypesOf(model), augmentation };
}

/** Elements in the network's type; fractions are cut off where it reads whole numbers, and what is not 0 is true. */
export function castInput(values: InputValues, dtype: InputType): NetworkInput {
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  if (dtype === 'bool') return Uint8Array.from(values, (v) => (v === 0 ? 0 : 1));
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
