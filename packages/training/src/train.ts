/** A training as its configuration says: the one way in for the command line and the worker. */
import type { TrainingConfig } from '@verge/contracts';
import { decodeModel, type Model, type SessionFactory } from '@verge/onnx';
import { buildArchitecture } from './architectures/registry.js';
import { distill } from './distill.js';
import { TrainingError } from './errors.js';
import { fit } from './fit.js';
import type { FitOptions, FitResult } from './fit-options.js';
import type { TrainingSamples } from './samples.js';

export interface TrainOptions extends Pick<FitOptions, 'onProgress' | 'signal' | 'saveCheckpoint' | 'resumeFrom'> {
  readonly config: TrainingConfig;
  readonly train: TrainingSamples;
  readonly validation: TrainingSamples;
  readonly classes: number;
  readonly createSession: SessionFactory;
  /** ONNX bytes of the teacher; with it the training distils. */
  readonly teacher?: Uint8Array;
  /** Reads the file that `config.model.onnx` names. */
  readonly readModel?: (name: string) => Promise<Uint8Array>;
}

async function startingModel(options: TrainOptions): Promise<Model> {
  const { config, train, classes, readModel } = options;
  if ('architecture' in config.model) {
    const { architecture, params } = config.model;
    return buildArchitecture(architecture, { input: train.shape, classes, params }, config.seed);
  }
  if (!readModel) throw new TrainingError('bad-options', 'model.onnx: no file can be read here');
  return decodeModel(await readModel(config.model.onnx));
}

/**
 * Trains what the configuration describes on the given parts of a data set.
 * @throws TrainingError as `fit` and `distill`; `bad-options` for a distillation without a teacher
 */
export async function trainFromConfig(options: TrainOptions): Promise<FitResult> {
  const { config, teacher, classes: _classes, readModel: _readModel, ...rest } = options;
  const common = {
    ...rest,
    model: await startingModel(options),
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
  if (!teacher) return fit(common);
  return distill({ ...common, ...config.distillation, teacher: decodeModel(teacher) });
}
