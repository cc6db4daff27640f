/** A training as its configuration describes it: the form that the command line, the API and the worker share. */
import type { TrainingConfig } from '@verge/contracts';
import { decodeModel, type Model, type SessionFactory } from '@verge/onnx';
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
  readonly config: TrainingConfig;
  readonly createSession: SessionFactory;
  readonly train: TrainingSamples;
  readonly validation: TrainingSamples;
  /** Number of classes; a built-in network gets as many outputs. */
  readonly classes: number;
  /** Bytes of the ONNX file that the configuration names as `model.onnx` or `teacher`: a path here, a digest there. */
  readonly readModel?: (name: string) => Promise<Uint8Array>;
  /** The teacher's ONNX bytes, where the configuration does not name it. */
  readonly teacher?: Uint8Array;
}

async function read(options: TrainOptions, name: string): Promise<Model> {
  if (!options.readModel) throw new TrainingError('bad-options', `the model '${name}' cannot be read here`);
  return decodeModel(await options.readModel(name));
}

/** The network with its initial weights. */
async function networkOf(options: TrainOptions): Promise<Model> {
  const { config, classes, train } = options;
  if (!('architecture' in config.model)) return read(options, config.model.onnx);
  const { architecture, params } = config.model;
  return buildArchitecture(architecture, { input: train.shape, classes, params }, config.seed);
}

async function teacherOf(options: TrainOptions): Promise<Model | undefined> {
  if (options.teacher) return decodeModel(options.teacher);
  return options.config.teacher === undefined ? undefined : read(options, options.config.teacher);
}

/**
 * Trains what a `TrainingConfig` describes, and distils when there is a teacher.
 * @throws TrainingError as `fit`, `distill` and `buildArchitecture`; `bad-options` when the configuration has a
 *   `distillation` and there is no teacher, or names a model that cannot be read
 */
export async function trainFromConfig(options: TrainOptions): Promise<FitResult> {
  const { config, classes: _classes, readModel: _readModel, teacher: _teacher, ...run } = options;
  const teacher = await teacherOf(options);
  if (config.distillation && !teacher) {
    throw new TrainingError('bad-options', 'the configuration distils, but there is no teacher');
  }
  const { epochs, batchSize, seed, optimizer, schedule, labelSmoothing, augmentation, earlyStop, threads } = config;
  const plan = { epochs, batchSize, seed, optimizer, schedule, labelSmoothing, augmentation, earlyStop, threads };
  const common = { ...run, ...plan, model: await networkOf(options), checkpointEvery: config.checkpointEvery };
  return teacher ? distill({ ...common, ...config.distillation, teacher }) : fit(common);
}
