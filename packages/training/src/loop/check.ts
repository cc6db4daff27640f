/** What is wrong with the options of a run, all of it at once. */
import { elementCount } from '@verge/onnx';
import { refuse } from '../errors.js';
import type { FitOptions } from '../fit-options.js';
import { lossReads, type LossSpec } from '../losses.js';
import { metricTable, usualMetrics } from '../metrics/table.js';
import { checkAveraging } from '../optimizers/averaging.js';
import { checkSchedule } from '../schedule.js';
import { augmentationProblems, lossOf } from './setup.js';
import { countOf } from './source.js';
import { taskOf } from './task.js';

/** Losses of whose labels a share can be spread over all classes. */
const smoothed: ReadonlySet<LossSpec['kind']> = new Set(['cross-entropy', 'distillation']);

/** Numbers out of range, each named by its field. */
function numberProblems(o: FitOptions): string[] {
  const counts = {
    epochs: o.epochs,
    batchSize: o.batchSize,
    accumulate: o.accumulate,
    'parallel.replicas': o.parallel?.replicas,
    threads: o.threads,
    together: o.together,
    checkpointEvery: o.checkpointEvery,
    checkpointEverySteps: o.checkpointEverySteps,
  };
  const problems = Object.entries(counts)
    .filter(([, value]) => value !== undefined && !(Number.isInteger(value) && value >= 1))
    .map(([field, value]) => `${field}: expected a whole number from 1, not ${value}`);
  const rate = o.optimizer.learningRate;
  if (!(Number.isFinite(rate) && rate > 0)) {
    problems.push(`optimizer.learningRate: expected a number above 0, not ${rate}`);
  }
  const smoothing = o.labelSmoothing ?? 0;
  if (!(smoothing >= 0 && smoothing < 1)) {
    problems.push(`labelSmoothing: expected a number from 0 to below 1, not ${smoothing}`);
  }
  const kind = o.loss?.kind ?? 'cross-entropy';
  if (smoothing > 0 && !smoothed.has(kind)) {
    problems.push(`labelSmoothing: the loss '${kind}' has no labels that could be smoothed`);
  }
  return problems;
}

/** A teacher's views that are missing, needless, or of another size than the samples. */
function viewProblems({ views, loss, train, augmentation, augment }: FitOptions): string[] {
  const problems: string[] = [];
  const needed = loss !== undefined && lossReads(loss).includes('teacher');
  if (needed !== (views !== undefined)) problems.push("views: needed where the loss reads a teacher's logits");
  if (!views) return problems;
  if (augmentation || augment) problems.push('augmentation: views are augmented before they are given');
  if (views.length === 0) problems.push('views: expected at least one');
  const count = countOf(train);
  const size = count * elementCount(train.shape);
  views.forEach(({ x, teacherLogits }, i) => {
    if (x.length !== size) problems.push(`views[${i}].x: expected ${size} elements, not ${x.length}`);
    if (teacherLogits.length % count !== 0) problems.push(`views[${i}].teacherLogits: expected [${count}, classes]`);
  });
  return problems;
}

/** Metrics that the loss has no use for, and a monitored one that is not computed. */
function metricProblems(o: FitOptions): string[] {
  const loss = lossOf(o);
  const names = o.metrics ?? usualMetrics(loss);
  const task = taskOf(loss);
  if (task === 'none') return [`loss: '${loss.kind}' says nothing about the output, which is what is validated`];
  const foreign = names.filter((name) => !metricTable[name]?.tasks.includes(task));
  const problems = foreign.map((name) => `metrics: '${name}' says nothing about the loss '${loss.kind}'`);
  if (o.monitor !== undefined && o.monitor !== 'loss' && !names.includes(o.monitor)) {
    problems.push(`monitor: '${o.monitor}' is not among the metrics ${names.join(', ') || '(none)'}`);
  }
  return problems;
}

/** @throws TrainingError `bad-options` naming every bad option at once */
export function checkFitOptions(o: FitOptions): void {
  refuse('bad-options', 'fit', [
    ...numberProblems(o),
    ...viewProblems(o),
    ...(o.schedule ? checkSchedule(o.schedule) : []),
    ...augmentationProblems(o),
    ...metricProblems(o),
    ...(o.averaging ? checkAveraging(o.averaging, o.epochs) : []),
  ]);
}
