/** The low-rank adapters of a training as a file beside the model that they were added to. */
import type { LoraConfig } from '@verge/contracts';
import type { TypedArray } from '@verge/data';
import type { FitResult } from '@verge/training';

export const ADAPTERS = 'adapters.npz';

type Adapters = NonNullable<FitResult['adapters']>;

/** What `report.json` says of them. */
export interface AdapterReport {
  readonly file: string;
  readonly rank: number;
  readonly alpha: number;
  /** Weights of the given model: each got (alpha / rank) * B A added. */
  readonly weights: readonly string[];
}

export const adapterReport = ({ rank, alpha }: LoraConfig, adapters: Adapters): AdapterReport => ({
  file: ADAPTERS,
  rank,
  alpha,
  weights: [...adapters.keys()],
});

/** `WEIGHT.lora_A` [rank, in / groups, ...window] and `WEIGHT.lora_B` [out, rank, 1, ...], float32. */
export function adapterArrays(adapters: Adapters): [string, TypedArray][] {
  const array = ({ shape, values }: { shape: readonly number[]; values: Float32Array }): TypedArray => ({
    dtype: 'float32',
    dims: shape,
    data: values,
  });
  return [...adapters].flatMap(([weight, { a, b }]): [string, TypedArray][] => [
    [`${weight}.lora_A`, array(a)],
    [`${weight}.lora_B`, array(b)],
  ]);
}
