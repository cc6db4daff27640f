/** A training configuration and what carries it: the form that the command line, the API and the worker share. */
import type { TrainingConfig } from '@verge/contracts';
import { decodeModel, type Model, OnnxError, type SessionFactory } from '@verge/onnx';
import { buildArchitecture } from './architectures/registry.js';
import { distill } from './distill.js';
import { refuse, TrainingError } from './errors.js';
import { fit } from './fit.js';
import type { FitOptions, FitResult } from './fit-options.js';
import type { LossSpec } from './losses.js';
import { forecastSet, forecastWidth } from './loop/forecast.js';
import { isSource, sampleShape, type SampleSet } from './loop/source.js';
import { taskOf } from './loop/task.js';
import { fitLocal } from './parallel/local-sgd/run.js';
import type { LocalOptions } from './parallel/local-sgd/spec.js';
import { lostPatterns } from './optimizers/groups.js';
import { factorNames } from './lora/names.js';
import { matchesAny, someOf } from './patterns.js';
import type { ScheduleSpec } from './schedule.js';
import { chooseParameters } from './transfer/choice.js';
import { portsOfConfig } from './transfer/config-ports.js';
import { separateParameters } from './transfer/form.js';
import { replaceHead } from './transfer/head.js';
import { reinitialise } from './transfer/layers.js';
import type { PortOptions } from './transfer/ports.js';

export interface TrainOptions extends Pick<
  FitOptions,
  | 'onProgress'
  | 'signal'
  | 'saveCheckpoint'
  | 'saveCheckpointPieces'
  | 'checkpointEverySteps'
  | 'resumeFrom'
  | 'scratch'
> {
  readonly config: TrainingConfig;
  readonly createSession: SessionFactory;
  /** Where the configuration asks for replicas; `openReplicas` of the runtime. */
  readonly openReplicas?: NonNullable<FitOptions['parallel']>['openReplicas'];
  readonly train: SampleSet;
  readonly validation: SampleSet;
  /** Number of classes; a built-in network gets as many outputs. */
  readonly classes: number;
  /** The ONNX file that the configuration names as `model.onnx` or `teacher`: a path here, a digest there. Its bytes, or read. */
  readonly readModel?: (name: string) => Promise<Uint8Array | Model>;
  /** The teacher's ONNX bytes, where the configuration does not name it. */
  readonly teacher?: Uint8Array;
  /** Refuses models that break a rule of ONNX, instead of repairing them and saying so. */
  readonly strict?: boolean;
}

async function read(options: TrainOptions, name: string): Promise<Model> {
  if (!options.readModel) throw new TrainingError('bad-options', `the model '${name}' cannot be read here`);
  const given = await options.readModel(name);
  if (!(given instanceof Uint8Array)) return given;
  try {
    return decodeModel(given);
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    throw new OnnxError(cause.code, `'${name}' cannot be read as an ONNX model: ${cause.message}`, { cause });
  }
}

type Network = Pick<FitOptions, 'model' | 'trainable' | 'alsoTrained' | 'untied' | 'repairs'> & PortOptions;

/**
 * The parameters that move: all but those that `freeze` names, and those that `train` names; with `lora` the latter alone,
 * beside the adapters. A new head learns in any case, and so does what is no parameter of this model (a projection that
 * distillation adds).
 */
function withFrozen(model: Model, { config, train: samples }: TrainOptions, head: readonly string[] = []): Network {
  const { optimizer, lora, freeze, train = [] } = config;
  const ports = portsOfConfig(config);
  const sample = sampleShape(samples);
  const { names, trainable, alsoTrained, problems } = chooseParameters(model, config, sample, ports);
  const factors = lora ? factorNames(model, lora.match) : [];
  problems.push(...lostPatterns(model, optimizer, factors).map((problem) => `optimizer: ${problem}`));
  if (lora && freeze)
    problems.push('freeze: with lora all but the adapters stays as it is; train names what moves too');
  if (problems.length > 0) problems.push(`the parameters are ${someOf(names)}`);
  refuse('bad-options', 'the configuration does not suit the model', problems);
  return {
    model,
    alsoTrained,
    ...ports,
    ...(lora && { trainable: (name: string) => head.includes(name) || matchesAny(train, name) }),
    ...(!lora && trainable && { trainable: (name: string) => head.includes(name) || trainable(name) }),
  };
}

/** The network with its initial weights, and which of them move. */
async function networkOf(options: TrainOptions): Promise<Network> {
  const { config, classes, train } = options;
  const { model: source, seed } = config;
  if ('architecture' in source) {
    const { architecture, params, init } = source;
    return withFrozen(buildArchitecture(architecture, { input: train.shape, classes, params, init }, seed), options);
  }
  const file = await read(options, source.onnx);
  const { strict } = options;
  const { model: given, untied, repairs } = separateParameters(file, source.untie, { strict });
  const model = source.reinitialise ? reinitialise(given, source.reinitialise, seed) : given;
  if (!source.newHead) return { ...withFrozen(model, options), untied, repairs };
  const head = replaceHead(model, { classes, node: source.headNode, output: source.output, seed });
  return { ...withFrozen(head.model, options, head.parameters), untied, repairs };
}

async function teachersOf(options: TrainOptions): Promise<Model[]> {
  if (options.teacher) return [decodeModel(options.teacher)];
  const { teacher = [] } = options.config;
  return Promise.all([teacher].flat().map((name) => read(options, name)));
}

/** Fields of a configuration that mean the same to `fit`. */
function planOf(config: TrainingConfig) {
  const { epochs, batchSize, seed, labelSmoothing, augmentation, earlyStop, threads, checkpointEvery } = config;
  const { averaging, accumulate, maxGradientNorm, maxGradientValue, metrics, monitor, keep, prefetch, lora } = config;
  return {
    ...{ epochs, batchSize, seed, labelSmoothing, augmentation, earlyStop, threads, checkpointEvery },
    ...{ averaging, accumulate, maxGradientNorm, maxGradientValue, metrics, monitor, keep, prefetch },
    loss: lossOfConfig(config),
    ...(lora && { lora: { seed, ...lora } }),
    optimizer: config.optimizer,
    // The schema lets a schedule have only the fields of its name.
    schedule: config.schedule as ScheduleSpec,
  };
}

/** What a configuration minimises; forecasts are numbers, so mean squares unless told otherwise. */
export function lossOfConfig({ loss, labelSmoothing, forecast }: TrainingConfig): LossSpec {
  if (!loss) return forecast ? { kind: 'mse' } : { kind: 'cross-entropy', labelSmoothing };
  return loss.kind === 'cross-entropy' ? { ...loss, labelSmoothing } : loss;
}

/** The samples as the configuration's task reads them. */
export function samplesOfConfig({ forecast }: TrainingConfig, samples: SampleSet): SampleSet {
  return forecast ? forecastSet(samples, forecast) : samples;
}

/** The options with samples and outputs of the configuration's task. */
function withTask(options: TrainOptions): TrainOptions {
  const { config, train, validation } = options;
  const { forecast } = config;
  if (!forecast) return options;
  if (taskOf(lossOfConfig(config)) !== 'values') {
    throw new TrainingError('bad-options', `loss: forecasts are numbers, '${config.loss?.kind}' compares with classes`);
  }
  const [first, second] = [samplesOfConfig(config, train), samplesOfConfig(config, validation)];
  return { ...options, train: first, validation: second, classes: forecastWidth(train.shape, forecast) };
}

function parallelOf({ config, openReplicas }: TrainOptions): FitOptions['parallel'] {
  const { replicas = 1 } = config;
  if (replicas === 1) return undefined;
  if (!openReplicas) throw new TrainingError('bad-options', 'replicas: there are none here');
  return { replicas, openReplicas };
}

/**
 * What `fitLocal`, `LocalRun` and `runRound` take, for a configuration with `localSgd`.
 * @throws TrainingError `bad-options` naming what does not go together with it
 */
export async function localOptionsOf(given: TrainOptions): Promise<LocalOptions> {
  const options = withTask(given);
  const {
    config,
    classes: _classes,
    readModel: _read,
    teacher,
    openReplicas: _open,
    strict: _strict,
    ...run
  } = options;
  const { localSgd: local } = config;
  const problems: string[] = [];
  if (!local) problems.push('localSgd: the configuration has none');
  if (teacher || config.teacher !== undefined || config.distillation) problems.push('teacher: shards do not distil');
  if (config.averaging) problems.push('averaging: shards are averaged by their outer optimiser');
  if ((config.replicas ?? 1) > 1) problems.push('replicas: a shard is trained by one');
  refuse('bad-options', 'localSgd', problems);
  const { averaging: _averaging, ...plan } = planOf(config);
  const { saveCheckpointPieces: inPieces, scratch: _scratch, ...others } = run;
  const saveCheckpoint = others.saveCheckpoint ?? (inPieces && ((bytes: Uint8Array) => inPieces([bytes])));
  return { ...others, saveCheckpoint, ...plan, ...(await networkOf(options)), local: local! };
}

/**
 * Trains what a `TrainingConfig` describes, and distils when there is a teacher. Shards of `localSgd` are trained one after
 * the other.
 * @throws TrainingError as `fit`, `distill` and `buildArchitecture`; `bad-options` when the configuration has a
 *   `distillation` and there is no teacher, or names a model that cannot be read
 */
export async function trainFromConfig(given: TrainOptions): Promise<FitResult> {
  if (given.config.localSgd) return fitLocal(await localOptionsOf(given));
  const options = withTask(given);
  const {
    config,
    classes: _classes,
    readModel: _read,
    teacher: _teacher,
    openReplicas: _open,
    strict: _strict,
    ...run
  } = options;
  const teachers = await teachersOf(options);
  if (config.distillation && teachers.length === 0) {
    throw new TrainingError('bad-options', 'the configuration distils, but there is no teacher');
  }
  const { loss, ...plan } = planOf(config);
  const common = { ...run, ...plan, ...(await networkOf(options)), parallel: parallelOf(options) };
  if (teachers.length === 0) return fit({ ...common, loss });
  if (loss.kind !== 'cross-entropy' || loss.classWeights) {
    const found = loss.kind === 'cross-entropy' ? 'classWeights' : `'${loss.kind}'`;
    throw new TrainingError(
      'bad-options',
      `loss: distillation mixes plain cross-entropy with the teacher, not ${found}`,
    );
  }
  const { train } = run;
  if (isSource(train)) throw new TrainingError('bad-options', 'data.stream: a teacher needs the samples in memory');
  const teacher = teachers.length === 1 ? teachers[0]! : teachers;
  return distill({ ...common, ...config.distillation, train, teacher });
}
