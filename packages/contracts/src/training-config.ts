/** The training configuration that `verge train`, the API and the worker share. YAML and JSON have the same form. */
import { z } from 'zod';
import { Slug } from './identifiers.js';

const positive = z.number().positive();
const Param = z.union([z.number(), z.boolean(), z.string(), z.array(z.number())]);

/** A built-in architecture by name with its parameters, or an ONNX file (a path locally, a blob digest in the cloud). */
export const ModelSource = z.union([
  z.strictObject({
    architecture: Slug.describe('name of a built-in architecture'),
    params: z
      .record(z.string(), Param)
      .default({})
      .describe('parameters of the architecture; those left out have their defaults'),
  }),
  z.strictObject({ onnx: z.string().min(1).describe('path of an ONNX file, or its digest') }),
]);
export type ModelSource = z.infer<typeof ModelSource>;

export const OptimizerConfig = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('sgd'),
    learningRate: positive.default(0.1).describe('peak learning rate'),
    momentum: z.number().min(0).lt(1).default(0.9).describe('share of the last update that is kept'),
    nesterov: z.boolean().default(false).describe('look ahead along the momentum'),
    weightDecay: z.number().min(0).default(0).describe('L2 penalty on weights'),
  }),
  z.strictObject({
    name: z.literal('adamw'),
    learningRate: positive.default(0.001).describe('peak learning rate'),
    beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the mean of gradients'),
    beta2: z.number().min(0).lt(1).default(0.999).describe('decay of the mean of squared gradients'),
    epsilon: positive.default(1e-8).describe('added to the denominator'),
    weightDecay: z.number().min(0).default(0.01).describe('decoupled decay of weights'),
  }),
]);
export type OptimizerConfig = z.infer<typeof OptimizerConfig>;

export const ScheduleConfig = z.strictObject({
  name: z.enum(['constant', 'cosine']).default('cosine').describe('how the learning rate falls after the warm-up'),
  warmupEpochs: z.number().min(0).default(0).describe('epochs of linear rise from 0 to the peak; fractions allowed'),
  finalFraction: z.number().min(0).max(1).default(0).describe('final learning rate as a fraction of the peak'),
});

export const DistillationConfig = z.strictObject({
  /** Softmax temperature T of Hinton et al. 2015 (arXiv:1503.02531); the soft loss is scaled by T^2. */
  temperature: positive.default(4).describe('softmax temperature of teacher and student'),
  alpha: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe('weight of the labels; 1 - alpha weighs the soft targets of the teacher'),
});
export type DistillationConfig = z.infer<typeof DistillationConfig>;

const Masks = z.strictObject({
  count: z.int().min(1).max(100).default(1).describe('masks on each sample'),
  width: z.int().min(1).describe('widest mask; each is drawn from 0 up to this'),
});

export const AugmentationConfig = z.strictObject({
  shift: z.number().min(0).default(0).describe('largest shift in pixels, drawn uniformly for each axis'),
  rotate: z.number().min(0).max(180).default(0).describe('largest rotation in degrees'),
  scale: z.number().min(0).lt(1).default(0).describe('largest relative change of scale'),
  flip: z.boolean().default(false).describe('mirror left-right with probability 1/2'),
  crop: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe('pixels of zeros around the image, of which a random window is cut'),
  brightness: z.number().min(0).max(10).optional().describe('largest relative change of all values'),
  contrast: z
    .number()
    .min(0)
    .max(10)
    .optional()
    .describe("largest relative change of the distance to the image's mean"),
  saturation: z
    .number()
    .min(0)
    .max(10)
    .optional()
    .describe('largest relative change of the distance to gray; images of three channels only'),
  cutout: z.int().min(1).max(4096).optional().describe('side of a square of zeros at a random place, in pixels'),
  mixup: positive
    .max(100)
    .optional()
    .describe('parameter of the Beta distribution of the shares with which two samples and their labels are mixed'),
  noise: z.number().min(0).optional().describe('standard deviation of normal noise on every value'),
  timeShift: z.int().min(1).optional().describe('largest shift along the time axis, in steps'),
  timeMasks: Masks.optional().describe("runs of times that are set to the sample's mean"),
  frequencyMasks: Masks.optional().describe("runs of frequencies or channels that are set to the sample's mean"),
  timeAxis: z.enum(['last', 'second-to-last']).optional().describe('which axis of a sample is time; last when absent'),
});
export type AugmentationConfig = z.infer<typeof AugmentationConfig>;

export const TrainingConfig = z.strictObject({
  model: ModelSource.describe('the network that is trained'),
  data: z
    .strictObject({
      path: z.string().min(1).describe('file or folder, relative to the configuration'),
      format: z.string().optional().describe('idx, npz, csv or image-folder; recognised when absent'),
      preprocess: z.string().optional().describe('file with declarative preprocessing, relative to the configuration'),
    })
    .optional()
    .describe('only for `verge train`: in the cloud the training names a data set'),
  teacher: z
    .string()
    .min(1)
    .optional()
    .describe('only for `verge train`: ONNX file of a teacher; in the cloud the training names a version'),
  split: Slug.default('auto').describe('a named split of the data set; auto is its own, else a seeded 80/10/10'),
  epochs: z.int().min(1).max(100_000).describe('passes over the training part'),
  batchSize: z.int().min(1).max(65_536).default(64).describe('samples of one step'),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(1)
    .describe('same seed, data and configuration: the same bytes of the model'),
  optimizer: OptimizerConfig.describe('how weights follow gradients'),
  schedule: ScheduleConfig.default({ name: 'cosine', warmupEpochs: 0, finalFraction: 0 }).describe(
    'learning rate over time',
  ),
  labelSmoothing: z.number().min(0).lt(1).default(0).describe('share of each label that is spread over all classes'),
  distillation: DistillationConfig.optional().describe('how the student learns from the teacher'),
  augmentation: AugmentationConfig.optional().describe('random changes of training images, drawn anew in each epoch'),
  earlyStop: z
    .strictObject({
      patience: z.int().min(1).describe('epochs without improvement after which the training ends'),
      minDelta: z.number().min(0).default(0).describe('how much the validation loss must fall to count, in nats'),
    })
    .optional()
    .describe('end early, and keep the best epoch instead of the last'),
  checkpointEvery: z.int().min(1).default(1).describe('epochs between checkpoints'),
  threads: z.int().min(1).max(256).default(1).describe('intra-op threads'),
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
