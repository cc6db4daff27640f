/** `verge train`: a configuration to a model, resumable at any moment. */
import { type Accuracy, type Measurement, type TrainingConfig, type TrainingPoint } from '@verge/contracts';
import { encodeNpz } from '@verge/data';
import { type ModelOpener, type Repair, shelfOpener } from '@verge/onnx';
import { benchmarkModels, createSession, openReplicas, openScratch } from '@verge/runtime';
import {
  describeParameters,
  type FitResult,
  lossOfConfig,
  measureTrained,
  numbersOfSample,
  type ParameterLine,
  portsOfConfig,
  samplesOfConfig,
  taskOf,
  taskOfData,
  trainFromConfig,
  validate,
} from '@verge/training';
import { CliError, cliError } from '../errors.js';
import { createOutput, fields, milliseconds, type Output, percent, size } from '../output.js';
import { beside, leavingNothing } from './files.js';
import { loadModel, openModelFile } from './model-file.js';
import { untilInterrupted } from './signals.js';
import { readTrainingConfig } from './training-document.js';
import { adapterArrays, adapterReport, type AdapterReport } from './adapters.js';
import { openTrainingData, type TrainingData } from './training-data.js';
import { openTrainingFolder, type TrainingFolder } from './training-folder.js';
import { draftModel } from './write-model.js';

export interface TrainArguments {
  config: string;
  out: string;
  resume?: boolean;
  force?: boolean;
  strict?: boolean;
  json?: boolean;
}

export interface TrainReport {
  config: TrainingConfig;
  points: TrainingPoint[];
  measurement: Measurement;
  validation: Accuracy;
  test: Accuracy;
  /** By name, of the kept epoch. */
  metrics: Record<'validation' | 'test', Record<string, number>>;
  /** Test samples by true class (row) and predicted class (column), where classes are predicted. */
  confusion?: number[][];
  /** What moved, what was frozen, what was left out and why; a report of an earlier release has none. */
  parameters?: readonly ParameterLine[];
  /** Where the low-rank adapters are that the configuration asked for (`lora`). */
  adapters?: AdapterReport;
  /** What of the ONNX file broke a rule and was mended before; a report of an earlier release has none. */
  repairs?: readonly Repair[];
  /** What the file left open of its inputs and outputs, and was decided. */
  assumed?: readonly string[];
  /** What was left out of the data, filled in them and decided about them, where anything was. */
  data?: readonly string[];
  bestEpoch: number;
  seconds: number;
}

/** Timed runs of the trained model. */
const RUNS = 200;

const digits = (value: number): string => value.toFixed(4);

/** With `localSgd` the figures are those of rounds. */
const roundOf = ({ localSgd }: TrainingConfig): string => (localSgd ? 'round' : 'epoch');

/** What was mended and decided before the first step. */
function describeIntake({ repairs, assumed }: FitResult): string[] {
  return [...repairs.map(({ message }) => `repaired: ${message}`), ...assumed.map((one) => `assumed: ${one}`)];
}

/** Losses, and accuracies where classes are predicted, else the metrics. */
function describeEpoch(p: TrainingPoint, config: TrainingConfig): string {
  const classes = predictsClasses(config);
  const epoch = String(p.epoch).padStart(String(p.epochs).length);
  const accuracy = (value: number): string => (classes ? ` acc ${percent(value)}` : '');
  const metrics = classes ? [] : Object.entries(p.metrics ?? {}).map(([name, value]) => ` ${name} ${digits(value)}`);
  return (
    `${roundOf(config)} ${epoch}/${p.epochs}  train loss ${digits(p.trainLoss)}${accuracy(p.trainAccuracy)}` +
    `  val loss ${digits(p.valLoss)}${accuracy(p.valAccuracy)}${metrics.join('')}` +
    `  lr ${p.learningRate === 0 ? '0' : p.learningRate.toPrecision(3)}  ${p.seconds.toFixed(1)} s`
  );
}

const predictsClasses = (config: TrainingConfig): boolean => taskOf(lossOfConfig(config)) === 'classes';

/** Nothing where no classes are predicted: no sample has been counted then. */
function accuracyRows({ validation, test }: TrainReport): [string, string][] {
  if (test.samples === 0) return [];
  return [
    ['validation accuracy', `${percent(validation.accuracy)} of ${validation.samples}`],
    ['test accuracy', `${percent(test.accuracy)} of ${test.samples}`],
  ];
}

/** Accuracy has its own rows. A report of an earlier release has no metrics. */
function metricRows(metrics: TrainReport['metrics'] | undefined): [string, string][] {
  const names = Object.keys(metrics?.test ?? {}).filter((name) => name !== 'accuracy');
  const value = (part: 'validation' | 'test', name: string): string => {
    const figure = metrics?.[part][name];
    return figure === undefined ? '-' : digits(figure);
  };
  return names.map((name) => [name, `${value('validation', name)} validation, ${value('test', name)} test`]);
}

function show(report: TrainReport, folder: TrainingFolder): string {
  const { measurement: m } = report;
  return fields([
    ['model', folder.model],
    ['size', size(m.bytes)],
    ['parameters', m.parameters],
    [`${roundOf(report.config)} kept`, `${report.bestEpoch} of ${report.points.length}`],
    ...accuracyRows(report),
    ...metricRows(report.metrics),
    ['p50', milliseconds(m.p50Ms)],
    ['peak memory', size(m.peakRssBytes)],
    ['seconds', report.seconds.toFixed(1)],
  ]);
}

interface Measurable {
  readonly path: string;
  readonly bytes: number;
  readonly data: TrainingData;
  readonly open: ModelOpener;
}

async function reportOf(
  config: TrainingConfig,
  result: FitResult,
  { path, bytes, data, open }: Measurable,
  signal: AbortSignal,
): Promise<TrainReport> {
  const { threads, metrics } = config;
  const { validation, test } = data;
  const loss = lossOfConfig(config);
  const classes = predictsClasses(config);
  const ports = portsOfConfig(config);
  const measured = await measureTrained(
    config,
    { model: result.model, file: { path, bytes } },
    { test, validation },
    {
      ...{ ...ports, signal, createSession, open, ...(threads !== undefined && { threads }) },
      benchmark: (models, options) => benchmarkModels(models, { ...options, runs: RUNS }),
    },
  );
  const tested = await validate(result.model, samplesOfConfig(config, test), {
    ...ports,
    createSession,
    loss,
    metrics,
    threads,
    signal,
    open,
  });
  return {
    config,
    points: [...result.history],
    measurement: measured.measurement,
    validation: measured.validation,
    test: measured.test,
    metrics: { validation: { ...result.metrics }, test: { ...tested.metrics } },
    ...(classes && { confusion: measured.confusion }),
    parameters: result.parameters,
    ...(result.adapters && config.lora && { adapters: adapterReport(config.lora, result.adapters) }),
    repairs: result.repairs,
    assumed: result.assumed,
    bestEpoch: result.epoch,
    seconds: result.seconds,
  };
}

async function train(
  given: TrainingConfig,
  { file, folder, output, strict }: { file: string; folder: TrainingFolder; output: Output; strict: boolean },
  signal: AbortSignal,
): Promise<TrainReport> {
  if (!given.data)
    throw new CliError('usage', `'${file}' names no data`, [
      'data.path: expected the path of a data set, relative to this file',
    ]);
  const data = await openTrainingData({ ...given, data: given.data }, file, output);
  const scratch = openScratch(folder.scratch);
  try {
    const counts = Object.entries(data.counts).map(([name, count]) => `${count} ${name}`);
    const { config, classes, notes } = taskOfData(given, data.truths);
    const right = numbersOfSample(data.truths) > 0 ? `${classes} to learn of each` : `${data.labels.length} classes`;
    output.progress(`data '${data.name}': ${counts.join(', ')}, samples of [${data.shape.join(', ')}], ${right}`);
    for (const note of notes) output.progress(note);
    const resumeFrom = await folder.readCheckpoint();
    const result = await trainFromConfig({
      config,
      train: data.train,
      validation: data.validation,
      classes,
      createSession,
      openReplicas,
      strict,
      signal,
      onProgress: (point) => output.progress(describeEpoch(point, config)),
      saveCheckpointPieces: (pieces) => folder.writeCheckpoint(pieces),
      readModel: async (name) => loadModel(await openModelFile(beside(file, name))),
      scratch,
      ...(resumeFrom ? { resumeFrom } : {}),
    });
    for (const line of [...describeParameters(result.parameters), ...describeIntake(result)]) output.progress(line);
    output.progress('measuring accuracy, latency and memory');
    // The state of the training is gone before other processes measure what came of it.
    await new Promise(setImmediate);
    scratch.collect();
    const draft = await draftModel(folder.model, result.model);
    try {
      const open = shelfOpener(createSession, scratch);
      const { path, bytes } = draft;
      const decided = [...data.notes, ...notes];
      const measured = await reportOf(config, result, { path, bytes, data, open }, signal);
      const report = { ...measured, ...(decided.length > 0 && { data: decided }) };
      await folder.finish(draft, report, result.adapters && encodeNpz(adapterArrays(result.adapters)));
      return report;
    } catch (error) {
      await draft.drop();
      throw error;
    }
  } finally {
    scratch.close();
    await data.close();
  }
}

/** Writes model.onnx and report.json into `--out`. */
export function trainVerb(options: TrainArguments, json: boolean): Promise<void> {
  return leavingNothing(options.out, () => trainInto(options, json));
}

async function trainInto(options: TrainArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const config = await readTrainingConfig(options.config);
  const folder = await openTrainingFolder(options.out, config, options, output);
  if (folder.finished) {
    output.progress('the training in this folder is complete already');
    return output.result(folder.finished, () => show(folder.finished as TrainReport, folder));
  }
  await untilInterrupted(async (signal) => {
    try {
      const report = await train(
        config,
        { file: options.config, folder, output, strict: options.strict === true },
        signal,
      );
      output.result(report, () => show(report, folder));
    } catch (error) {
      if (!signal.aborted) throw error;
      const { reason } = cliError(error);
      throw new CliError(
        'interrupted',
        'stopped before the end',
        [`go on with: verge train --config ${options.config} --out ${options.out} --resume`],
        { cause: error, ...(reason ? { reason } : {}) },
      );
    }
  });
}
