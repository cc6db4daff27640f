/** A training as its configuration describes it: the form that the command line, the API and the worker share. */
import type { TrainingConfig } from '@verge/contracts';
import type { Model, SessionFactory } from '@verge/onnx';
import { buildArchitecture } from './architectures/registry.js';
import { distill } from './distill.js';
import { TrainingError } from './errors.js';
import { fit } from './fit.js';
import type { FitOptions, FitResult } from './fit-options.js';
import type { TrainingSamples } from './samples.js';

export interface TrainOptions extends Pick<
  FitOptions,
  'onProgress' | 'signal' | 'saveCheckpoint' | 'checkpointEverySteps' | 'resumeFrom'
> {
  readonly createSession: SessionFactory;
  readonly train: TrainingSamples;
  readonly validation: TrainingSamples;
  /** Number of classes; the network gets as many outputs. */
  readonly classes: number;
  /** The network, when the configuration names an ONNX file. */
  readonly model?: Model;
  /** The teacher, when the configuration distils. */
  readonly teacher?: Model;
}

/** The network with its initial weights. */
function networkOf(config: TrainingConfig, options: TrainOptions): Model {
  const source = config.model;
  if ('architecture' in source) {
    const { classes, train } = options;
    return buildArchitecture(source.architecture, { input: train.shape, classes, params: source.params }, config.seed);
  }
  if (!options.model) throw new TrainingError('bad-options', `the network '${source.onnx}' was not given`);
  return options.model;
}

/**
 * Trains, or distils when there is a teacher, what a `TrainingConfig` describes. Paths in it (`data`, `teacher`,
 * `model.onnx`) are the caller's to read.
 * @throws TrainingError as `fit`, `distill` and `buildArchitecture`; `bad-options` when the configuration asks for a
 *   distillation and no teacher was given
 */
export async function train(config: TrainingConfig, options: TrainOptions): Promise<FitResult> {
  const { classes: _classes, model: _model, teacher, ...run } = options;
  const common = {
    ...run,
    model: networkOf(config, options),
    epochs: config.epochs,
    batchSize: config.batchSize,
    seed: config.seed,
    optimizer: config.optimizer,
    schedule: config.schedule,
    labelSmoothing: config.labelSmoothing,
    augmentation: config.augmentation,
    earlyStop: config.earlyStop,
    checkpointEvery: config.checkpointEvery,
    threads: config.threads,
  };
  if (!config.distillation && !teacher) return fit(common);
  if (!teacher) throw new TrainingError('bad-options', 'the configuration distils, but no teacher was given');
  return distill({ ...common, ...config.distillation, teacher });
}
