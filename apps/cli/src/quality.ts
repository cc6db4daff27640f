/** Figures of quality and of likeness, as people read them. */
import type { CompressionReport, Fidelity, Measurement, Quality } from '@verge/contracts';
import { percent } from './output.js';

const SHARES = ['accuracy', 'top5', 'macroF1', 'mIoU', 'labelErrorRate'];

const figure = (metric: string, value: number): string =>
  SHARES.includes(metric) ? percent(value) : value === 0 ? '0' : value.toPrecision(4);

/** `98.61 % (95 %: 97.4 to 99.3)`. */
export function qualityText({ metric, value, interval }: Quality): string {
  if (!interval) return figure(metric, value);
  const share = SHARES.includes(metric);
  const end = (v: number): string => (share ? (100 * v).toFixed(1) : v.toPrecision(3));
  return `${figure(metric, value)} (95 %: ${end(interval.low)} to ${end(interval.high)})`;
}

/** The figure that a model is judged by, in one line; accuracy needs no name. */
export function judgedText(quality: Quality | null | undefined, test: { accuracy: number } | null | undefined): string {
  if (test || !quality) return percent(test?.accuracy);
  return `${quality.metric} ${figure(quality.metric, quality.value)}`;
}

/** Several outputs, or several tasks, are told apart. */
function nameOf(q: Quality, all: readonly Quality[]): string {
  const outputs = new Set(all.map(({ output }) => output));
  const metrics = all.filter(({ metric }) => metric === q.metric);
  return outputs.size > 1 || metrics.length > 1 ? `${q.metric} of ${q.output}` : q.metric;
}

export const qualityRows = (quality: readonly Quality[] = []): [string, string][] =>
  quality.map((q) => [nameOf(q, quality), qualityText(q)]);

/** What was measured; workers of earlier releases say the accuracy alone. */
function qualityOf({ quality, accuracy, samples }: Measurement): readonly Quality[] {
  if (quality) return quality;
  if (accuracy === undefined) return [];
  const figure = { task: 'classification', metric: 'accuracy', value: accuracy, higherIsBetter: true } as const;
  return [{ output: '', ...figure, samples: Math.max(1, samples), interval: null, baseline: null }];
}

/** Before and after; what was measured of one of them alone stands alone. */
export function comparedQuality({ before, after }: CompressionReport): [string, string, string][] {
  const [first, second] = [qualityOf(before), qualityOf(after)];
  const same = (a: Quality, b: Quality): boolean => a.output === b.output && a.task === b.task && a.metric === b.metric;
  return first.map((q) => {
    const other = second.find((o) => same(q, o));
    return [nameOf(q, first), qualityText(q), other ? qualityText(other) : 'not measured'];
  });
}

const or = (value: number | null, text: (v: number) => string): string => (value === null ? '-' : text(value));

/** A row for each output: how near it is to the source model's. */
export function fidelityRows(fidelity: readonly Fidelity[] = []): string[][] {
  return fidelity.map((f) => [
    f.output,
    f.problem ?? f.reads,
    or(f.agreement, percent),
    or(f.kl, (v) => v.toPrecision(3)),
    or(f.sqnrDb, (v) => `${v.toFixed(1)} dB`),
    or(f.maxAbsDifference, (v) => v.toPrecision(3)),
  ]);
}

export const fidelityHeadings = ['output', 'read as', '>same class', '>KL', '>SQNR', '>largest difference'];
