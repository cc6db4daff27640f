/** Labelled samples as training reads them; `Samples` of the data package fits. */
import { elementCount } from '@verge/onnx';
import { refuse } from './errors.js';

/** Elements of samples: measurements, pixels, or whole numbers such as token ids. */
export type InputValues = Float32Array | Uint8Array | Int32Array;

/** Elements of targets: measurements, or class indices by position. */
export type TargetValues = Float32Array | Int32Array;

/** What goes into one more input of a network: all samples, row-major. */
export interface FurtherInput {
  readonly values: InputValues;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
}

export interface TrainingSamples {
  /** All samples, row-major, one after the other. */
  readonly x: InputValues;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
  /** Class index of each sample; its length is the number of samples, also where the loss reads `targets` instead. */
  readonly y: Int32Array;
  /** What the losses that compare with values read, [samples, ...]. */
  readonly targets?: TargetValues;
  /** By the name of the model's input; `x` goes to the one that is not named here. */
  readonly inputs?: Readonly<Record<string, FurtherInput>>;
  /** What terms of a loss read that name their targets (`LossTerm.target`), [samples, ...]. */
  readonly namedTargets?: Readonly<Record<string, TargetValues>>;
}

/** @throws TrainingError `bad-samples` when sizes disagree, or a label is outside `classes` (where known) */
export function checkTrainingSamples(samples: TrainingSamples, what: string, classes?: number): void {
  const problems: string[] = [];
  const size = elementCount(samples.shape);
  if (samples.y.length === 0) problems.push('there is no sample');
  if (samples.x.length !== size * samples.y.length) {
    problems.push(
      `x holds ${samples.x.length} elements, ${samples.y.length} samples of [${samples.shape.join(', ')}] need ${size * samples.y.length}`,
    );
  }
  const { targets } = samples;
  if (targets && (targets.length === 0 || targets.length % samples.y.length !== 0)) {
    problems.push(`targets hold ${targets.length} elements, which is no multiple of ${samples.y.length} samples`);
  }
  for (const [name, { values, shape }] of Object.entries(samples.inputs ?? {})) {
    const needed = elementCount(shape) * samples.y.length;
    if (values.length !== needed)
      problems.push(
        `inputs.${name} holds ${values.length} elements, ${samples.y.length} samples of [${shape.join(', ')}] need ${needed}`,
      );
  }
  for (const [name, values] of Object.entries(samples.namedTargets ?? {}))
    if (values.length === 0 || values.length % samples.y.length !== 0)
      problems.push(
        `namedTargets.${name} hold ${values.length} elements, which is no multiple of ${samples.y.length} samples`,
      );
  const out = classes === undefined ? -1 : samples.y.findIndex((c) => c < 0 || c >= classes);
  if (out >= 0) problems.push(`y[${out}] is ${samples.y[out]}, the model has ${classes} outputs`);
  refuse('bad-samples', what, problems);
}
