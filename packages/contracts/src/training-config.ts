/** The training configuration that `verge train`, the API and the worker share. YAML and JSON have the same form. */
import { z } from 'zod';
import { DatasetFormat } from './dataset-format.js';
import { datasetOptions } from './dataset-options.js';
import { Slug } from './identifiers.js';
import { InputSources, type ModelPorts, OpenDims, OutputName } from './ports.js';
import { AugmentationConfig } from './training-augmentation.js';
import { Initialisation } from './training-init.js';
import { LocalSgdConfig } from './training-local.js';
import { LoraConfig } from './training-lora.js';
import { LossConfig, MetricName } from './training-loss.js';
import { AveragingConfig, OptimizerConfig, ScheduleConfig } from './training-optimizer.js';

export { AugmentationConfig } from './training-augmentation.js';
export { Initialisation } from './training-init.js';
export { LocalSgdConfig } from './training-local.js';
export { LoraConfig } from './training-lora.js';
export { LossConfig, MetricName } from './training-loss.js';
export { AveragingConfig, OptimizerConfig, ScheduleConfig } from './training-optimizer.js';

const positive = z.number().positive();
const Param = z.union([z.number(), z.boolean(), z.string(), z.array(z.number())]);
export const ArchitectureParams = z.record(z.string(), Param);

/** A built-in architecture by name with its parameters, or an ONNX file (a path locally, a blob digest in the cloud). */
export const ModelSource = z
  .union([
    z
      .strictObject({
        architecture: Slug.describe('name of a built-in architecture'),
        params: ArchitectureParams.default({}).describe(
          'parameters of the architecture; those left out have their defaults',
        ),
        init: Initialisation.optional().describe(
          'how weights are drawn; default, also when absent, is what suits the architecture',
        ),
      })
      .meta({ id: 'BuiltInModel' }),
    z
      .strictObject({
        onnx: z.string().min(1).describe('path of an ONNX file, or its digest'),
        newHead: z
          .boolean()
          .optional()
          .describe('replace the last layer by a new one with an output for each label; it is never frozen'),
        headNode: z
          .string()
          .min(1)
          .optional()
          .describe('node that newHead replaces; the last Conv, Gemm or MatMul on the way to the output when absent'),
        reinitialise: z
          .array(z.string().min(1).max(500))
          .min(1)
          .max(1000)
          .optional()
          .describe('names of parameters that start anew; * stands for any run of characters'),
        untie: z
          .array(z.string().min(1).max(500))
          .min(1)
          .max(1000)
          .optional()
          .describe('names of shared parameters of which each layer that reads them gets its own'),
        inputs: InputSources.optional(),
        dims: OpenDims.optional(),
        output: OutputName.optional().describe('the output that is trained; the first when absent'),
      })
      .meta({ id: 'OnnxModel' }),
  ])
  .meta({ id: 'ModelSource' });
export type ModelSource = z.infer<typeof ModelSource>;

/** What a configuration declares of its file; the model that the training makes has the same inputs and outputs. */
export function declaredPorts(model: ModelSource): ModelPorts {
  if (!('onnx' in model)) return {};
  const { inputs, dims, output } = model;
  return { ...(inputs && { inputs }), ...(dims && { dims }), ...(output !== undefined && { output }) };
}

const FeaturePair = z
  .strictObject({
    student: z.string().min(1).describe('value of the student, by its name in the graph'),
    teacher: z
      .string()
      .min(1)
      .describe('value of the teacher; of several teachers teacher0.<name>, teacher1.<name>, ...'),
    weight: positive.describe('weight beside the distillation loss'),
  })
  .meta({ id: 'FeaturePair' });

export const DistillationConfig = z
  .strictObject({
    /** Softmax temperature T of Hinton et al. 2015 (arXiv:1503.02531); the soft loss is scaled by T^2. */
    temperature: positive.default(4).describe('softmax temperature of teacher and student'),
    alpha: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('weight of the labels; 1 - alpha weighs the soft targets of the teacher'),
    copies: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'augmented versions of the training part that the teacher judges beforehand, in turn by epoch; 8 when absent',
      ),
    teacherInStep: z
      .boolean()
      .optional()
      .describe('run the teacher in each step instead of beforehand; so it is where hints or attention are given'),
    combine: z
      .enum(['logits', 'probabilities'])
      .optional()
      .describe('what of several teachers is averaged; logits when absent'),
    hints: z
      .array(FeaturePair)
      .max(100)
      .optional()
      .describe('values compared after a learned projection of the student (arXiv:1412.6550)'),
    attention: z
      .array(FeaturePair)
      .max(100)
      .optional()
      .describe('maps of channels whose attention is compared (arXiv:1612.03928)'),
  })
  .meta({ id: 'DistillationConfig' });
export type DistillationConfig = z.infer<typeof DistillationConfig>;

export const TrainingConfig = z
  .strictObject({
    model: ModelSource.describe('the network that is trained'),
    data: z
      .strictObject({
        path: z.string().min(1).describe('file or folder, relative to the configuration'),
        format: DatasetFormat.optional().describe(`${DatasetFormat.options.join(', ')}; recognised when absent`),
        preprocess: z
          .string()
          .optional()
          .describe('file with declarative preprocessing, relative to the configuration'),
        ...datasetOptions,
        maxUnreadable: z
          .int()
          .min(0)
          .optional()
          .describe('rows that may be unreadable, and are left out; 0 when absent'),
        stream: z
          .boolean()
          .optional()
          .describe(
            'leave the training part on disk, and read each batch when its step comes; for more than memory holds',
          ),
      })
      .optional()
      .describe('only for `verge train`: in the cloud the training names a data set'),
    teacher: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(16)])
      .optional()
      .describe(
        'only for `verge train`: ONNX file of a teacher, or of several; in the cloud the training names a version',
      ),
    split: Slug.default('auto').describe('a named split of the data set; auto is its own, else a seeded 80/10/10'),
    epochs: z.int().min(1).max(100_000).describe('passes over the training part'),
    batchSize: z.int().min(1).max(65_536).default(64).describe('samples of one step'),
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .default(1)
      .describe('same seed, data and configuration: the same bytes of the model'),
    forecast: z
      .strictObject({
        steps: z.int().min(1).describe('steps at the end of each series that are predicted from those before'),
        channel: z.int().min(0).optional().describe('the channel that is predicted; all when absent'),
      })
      .optional()
      .describe('learn the end of each series from its beginning, instead of its class'),
    loss: LossConfig.optional().describe('what is minimised; cross-entropy when absent, mse with forecast'),
    optimizer: OptimizerConfig.describe('how weights follow gradients'),
    schedule: ScheduleConfig.default({ name: 'cosine', warmupEpochs: 0, finalFraction: 0 }).describe(
      'learning rate over time',
    ),
    freeze: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(1000)
      .optional()
      .describe('names of parameters that stay as they are; * stands for any run of characters'),
    train: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(1000)
      .optional()
      .describe('names of parameters that move though freeze names them, or though they are left out by default'),
    lora: LoraConfig.optional().describe(
      'train low-rank adapters of some weights instead of the network, and add them to the weights in the end',
    ),
    maxGradientNorm: positive.optional().describe('gradients longer than this are shortened to it'),
    maxGradientValue: positive.optional().describe('elements of the gradient are cut off at this in either direction'),
    averaging: AveragingConfig.optional().describe('evaluate and keep an average of the weights over the run'),
    accumulate: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .describe('micro-batches that each batch is cut into, one after the other, to save memory'),
    replicas: z.int().min(1).max(256).optional().describe('replicas that share each batch, each on threads of its own'),
    localSgd: LocalSgdConfig.optional().describe(
      'train in shards whose parameters are averaged now and then; an epoch in the figures is then a round',
    ),
    labelSmoothing: z.number().min(0).lt(1).default(0).describe('share of each label that is spread over all classes'),
    distillation: DistillationConfig.optional().describe('how the student learns from the teacher'),
    augmentation: AugmentationConfig.optional().describe(
      'random changes of training samples, drawn anew in each epoch',
    ),
    prefetch: z
      .boolean()
      .optional()
      .describe('augment in a thread of its own; when absent only where the first batches show that it pays'),
    metrics: z
      .array(MetricName)
      .max(20)
      .optional()
      .describe('figures on the validation part; those usual for the loss when absent'),
    monitor: z
      .union([z.literal('loss'), MetricName])
      .optional()
      .describe('the figure that decides which epoch is best, when to stop, and about the plateau schedule'),
    keep: z
      .enum(['best', 'last'])
      .optional()
      .describe('the epoch whose weights are kept; best with earlyStop, else last'),
    earlyStop: z
      .strictObject({
        patience: z.int().min(1).describe('epochs without improvement after which the training ends'),
        minDelta: z
          .number()
          .min(0)
          .default(0)
          .describe('how much the validation loss, or monitor, must improve to count'),
      })
      .optional()
      .describe('end early, and keep the best epoch instead of the last'),
    checkpointEvery: z.int().min(1).default(1).describe('epochs between checkpoints'),
    threads: z.int().min(1).max(256).default(1).describe('intra-op threads'),
  })
  .meta({ id: 'TrainingConfig' });
export type TrainingConfig = z.infer<typeof TrainingConfig>;

/** One epoch's figures, as progress events and as stored points. Losses in nats, accuracies as fractions. */
export const TrainingPoint = z
  .strictObject({
    epoch: z.int().min(1),
    epochs: z.int().min(1),
    step: z.int().min(0),
    learningRate: z.number(),
    trainLoss: z.number(),
    trainAccuracy: z.number(),
    valLoss: z.number(),
    valAccuracy: z.number(),
    /** Further figures on the validation part, by the names of `MetricName`. */
    metrics: z.record(z.string(), z.number()).optional(),
    /** Wall time since the run began, resumes not counted twice. */
    seconds: z.number(),
  })
  .meta({ id: 'TrainingPoint' });
export type TrainingPoint = z.infer<typeof TrainingPoint>;
