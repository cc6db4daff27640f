/** `verge train`: a configuration to a model, resumable at any moment. */
import { type Accuracy, type Measurement, TrainingConfig, type TrainingPoint } from '@verge/contracts';
import { createSession, measure, measureAccuracy } from '@verge/runtime';
import { trainFromConfig } from '@verge/training';
import { readDocument } from '../documents.js';
import { CliError, cliError } from '../errors.js';
import { createOutput, fields, type Output, percent, size } from '../output.js';
import { openData, splitData } from './data.js';
import { beside, readGiven } from './files.js';
import { untilInterrupted } from './signals.js';
import { openTrainingFolder, type TrainingFolder } from './training-folder.js';

export interface TrainArguments {
  config: string;
  out: string;
  resume?: boolean;
  force?: boolean;
  json?: boolean;
}

export interface TrainReport {
  config: TrainingConfig;
  points: TrainingPoint[];
  measurement: Measurement;
  validation: Accuracy;
  test: Accuracy;
  bestEpoch: number;
  seconds: number;
}

const digits = (value: number): string => value.toFixed(4);

function describeEpoch(p: TrainingPoint): string {
  const epoch = String(p.epoch).padStart(String(p.epochs).length);
  return (
    `epoch ${epoch}/${p.epochs}  train loss ${digits(p.trainLoss)} acc ${percent(p.trainAccuracy)}` +
    `  val loss ${digits(p.valLoss)} acc ${percent(p.valAccuracy)}  lr ${p.learningRate.toPrecision(3)}  ${p.seconds.toFixed(1)} s`
  );
}

function show(report: TrainReport, folder: TrainingFolder): string {
  const { measurement: m } = report;
  return fields([
    ['model', folder.model],
    ['size', size(m.bytes)],
    ['parameters', m.parameters],
    ['epoch kept', `${report.bestEpoch} of ${report.points.length}`],
    ['validation accuracy', `${percent(report.validation.accuracy)} of ${report.validation.samples}`],
    ['test accuracy', `${percent(report.test.accuracy)} of ${report.test.samples}`],
    ['p50', `${m.p50Ms.toFixed(3)} ms`],
    ['peak memory', size(m.peakRssBytes)],
    ['seconds', report.seconds.toFixed(1)],
  ]);
}

async function train(
  config: TrainingConfig,
  { file, folder, output }: { file: string; folder: TrainingFolder; output: Output },
  signal: AbortSignal,
): Promise<TrainReport> {
  if (!config.data)
    throw new CliError('usage', `'${file}' names no data`, [
      'data.path: expected the path of a data set, relative to this file',
    ]);
  const { path, format, preprocess } = config.data;
  const all = await openData(
    {
      data: beside(file, path),
      format: format as 'csv' | undefined,
      split: config.split,
      ...(preprocess ? { preprocess: beside(file, preprocess) } : {}),
    },
    output,
  );
  const parts = splitData(all, config.split, ['train', 'validation', 'test']);
  const counts = Object.entries(parts).map(([name, part]) => `${part.y.length} ${name}`);
  output.progress(
    `data '${all.name}': ${counts.join(', ')}, samples of [${all.shape.join(', ')}], ${all.labels.length} classes`,
  );
  const resumeFrom = await folder.readCheckpoint();
  const result = await trainFromConfig({
    config,
    train: parts.train,
    validation: parts.validation,
    classes: all.labels.length,
    createSession,
    signal,
    onProgress: (point) => output.progress(describeEpoch(point)),
    saveCheckpoint: (bytes) => folder.writeCheckpoint(bytes),
    readModel: (name) => readGiven(beside(file, name), 'model'),
    ...(resumeFrom ? { resumeFrom } : {}),
  });
  output.progress('measuring accuracy, latency and memory');
  const { measurement, accuracy: test } = await measure(result.bytes, parts.test, { signal, threads: config.threads });
  const { accuracy: validation } = await measureAccuracy(result.bytes, parts.validation, { signal });
  const { history, epoch: bestEpoch, seconds } = result;
  const report: TrainReport = { config, points: [...history], measurement, validation, test, bestEpoch, seconds };
  await folder.finish(result.bytes, report);
  return report;
}

/** Writes model.onnx and report.json into `--out`. */
export async function trainVerb(options: TrainArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const config = await readDocument(options.config, TrainingConfig, 'training configuration');
  const folder = await openTrainingFolder(options.out, config, options, output);
  if (folder.finished) {
    output.progress('the training in this folder is complete already');
    return output.result(folder.finished, () => show(folder.finished as TrainReport, folder));
  }
  await untilInterrupted(async (signal) => {
    try {
      const report = await train(config, { file: options.config, folder, output }, signal);
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
