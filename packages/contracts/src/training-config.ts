/** The training configuration that `verge train`, the API and the worker share. YAML and JSON have the same form. */
import { z } from 'zod';
import { Slug } from './identifiers.js';

const positive = z.number().positive();
const Param = z.union([z.number(), z.boolean(), z.string(), z.array(z.number())]);

/** A built-in architecture by name with its parameters, or an ONNX file (a path locally, a blob digest in the cloud). */
export const ModelSource = z.union([
  z.strictObject({
    architecture: Slug.describe('name of a built-in architecture'),
    params: z.record(z.string(), Param).default({}),
  }),
  z.strictObject({ onnx: z.string().min(1).describe('path of an ONNX file, or its digest') }),
]);
export type ModelSource = z.infer<typeof ModelSource>;

export const OptimizerConfig = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('sgd'),
    learningRate: positive.default(0.1),
    momentum: z.number().min(0).lt(1).default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().min(0).default(0),
  }),
  z.strictObject({
    name: z.literal('adamw'),
    learningRate: positive.default(0.001),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: positive.default(1e-8),
    weightDecay: z.number().min(0).default(0.01),
  }),
]);
export type OptimizerConfig = z.infer<typeof OptimizerConfig>;

export const ScheduleConfig = z.strictObject({
  name: z.enum(['constant', 'cosine']).default('cosine'),
  warmupEpochs: z.number().min(0).default(0),
  /** Final learning rate as a fraction of the peak. */
  finalFraction: z.number().min(0).max(1).default(0),
});

export const DistillationConfig = z.strictObject({
  /** Softmax temperature T of Hinton et al. 2015 (arXiv:1503.02531); the soft loss is scaled by T^2. */
  temperature: positive.default(4),
  /** Weight of the hard-label cross-entropy; 1 - alpha weighs the soft targets. */
  alpha: z.number().min(0).max(1).default(0.3),
});
export type DistillationConfig = z.infer<typeof DistillationConfig>;

export const AugmentationConfig = z.strictObject({
  /** Largest shift in pixels, drawn uniformly for each axis. */
  shift: z.number().min(0).default(0),
  /** Largest rotation in degrees. */
  rotate: z.number().min(0).max(180).default(0),
  /** Largest relative change of scale. */
  scale: z.number().min(0).lt(1).default(0),
  /** Mirror left-right with probability 1/2. */
  flip: z.boolean().default(false),
});
export type AugmentationConfig = z.infer<typeof AugmentationConfig>;

export const TrainingConfig = z.strictObject({
  model: ModelSource,
  /** Only the local `verge train` reads this; in the cloud the data set is named by the training itself. */
  data: z
    .strictObject({ path: z.string().min(1), format: z.string().optional(), preprocess: z.string().optional() })
    .optional(),
  /** Path of a teacher ONNX file for the local `verge train`; in the cloud the training names a version. */
  teacher: z.string().min(1).optional(),
  /** A named split of the data set, or 'auto': the data set's own, else a seeded 80/10/10. */
  split: Slug.default('auto'),
  epochs: z.int().min(1).max(100_000),
  batchSize: z.int().min(1).max(65_536).default(64),
  seed: z.int().min(0).max(0xffffffff).default(1),
  optimizer: OptimizerConfig,
  schedule: ScheduleConfig.default({ name: 'cosine', warmupEpochs: 0, finalFraction: 0 }),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  distillation: DistillationConfig.optional(),
  augmentation: AugmentationConfig.optional(),
  earlyStop: z.strictObject({ patience: z.int().min(1), minDelta: z.number().min(0).default(0) }).optional(),
  /** Epochs between checkpoints. */
  checkpointEvery: z.int().min(1).default(1),
  threads: z.int().min(1).max(256).default(1),
});
export type TrainingConfig = z.infer<typeof TrainingConfig>;

/** One epoch's figures, as progress events and as stored points. Losses in nats, accuracies as fractions. */
export const TrainingPoint = z.strictObject({
  epoch: z.int().min(1),
  epochs: z.int().min(1),
  step: z.int().min(0),
  learningRate: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  valLoss: z.number(),
  valAccuracy: z.number(),
  /** Wall time since the run began, resumes not counted twice. */
  seconds: z.number(),
});
export type TrainingPoint = z.infer<typeof TrainingPoint>;
