/** Figures of quality, as pages show them. */
import type { Measurement, Quality } from '@verge/contracts';
import type { TFunction } from 'i18next';
import type { Format } from '../i18n/format.js';

/** Shown as percentages, and compared in points. */
const shares: readonly string[] = ['accuracy', 'top5', 'macroF1', 'mIoU', 'labelErrorRate'];
const metrics = ['accuracy', 'top5', 'macroF1', 'auc', 'rmse', 'mae', 'r2', 'mIoU', 'labelErrorRate'] as const;

/** What was measured; workers of earlier releases say the accuracy alone. */
export function qualityOf(measurement: Measurement): readonly Quality[] {
  const { quality, accuracy, samples } = measurement;
  if (quality) return quality;
  if (accuracy === undefined) return [];
  const figure = { task: 'classification', metric: 'accuracy', value: accuracy, higherIsBetter: true } as const;
  return [{ output: '', ...figure, samples: Math.max(1, samples), interval: null, baseline: null }];
}

/** The figure that a model is judged by, in one line; accuracy needs no name. */
export function judgedText(
  quality: Quality | null | undefined,
  test: { accuracy: number } | null | undefined,
  format: Format,
): string {
  if (test || !quality) return format.percent(test?.accuracy, 2);
  return `${qualityText(quality, format)} ${quality.metric}`;
}

/** The same figure of another model. */
export const sameFigure = (all: readonly Quality[], one: Quality): Quality | undefined =>
  all.find(({ task, metric, output }) => task === one.task && metric === one.metric && output === one.output);

/** A metric of a later release keeps its own name. */
export function metricName({ metric }: Pick<Quality, 'metric'>, t: TFunction): string {
  const known = metrics.find((name) => name === metric);
  return known ? t(`measure.metric.${known}`) : metric;
}

const show = (metric: string, value: number, format: Format): string =>
  shares.includes(metric)
    ? format.percent(value, 2)
    : format.decimal(value, value === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value)))));

export const qualityText = ({ metric, value }: Quality, format: Format): string => show(metric, value, format);

/** The ends of the interval of 95 %; nothing where none is known. */
export function intervalText({ metric, interval }: Quality, format: Format): string | null {
  if (!interval) return null;
  const end = (value: number): string =>
    shares.includes(metric) ? format.percent(value, 1) : show(metric, value, format);
  return `${end(interval.low)} – ${end(interval.high)}`;
}

export interface Compared {
  readonly words: string;
  readonly verdict: 'better' | 'worse' | 'same';
}

/** Differences smaller than this are neither better nor worse: of shares in fractions, of others relative. */
const SAME = { share: 0.0005, other: 0.005 };

export function comparedQuality(before: Quality, after: Quality, format: Format): Compared {
  const share = shares.includes(before.metric) || before.metric === 'auc' || before.metric === 'r2';
  const change = share ? after.value - before.value : before.value === 0 ? 0 : after.value / before.value - 1;
  const gain = before.higherIsBetter ? change : -change;
  const same = Math.abs(change) < (share ? SAME.share : SAME.other);
  const words = !share
    ? format.change(change)
    : shares.includes(before.metric)
      ? format.points(change)
      : signed(change, format);
  return { words, verdict: same ? 'same' : gain > 0 ? 'better' : 'worse' };
}

const signed = (change: number, format: Format): string => `${change > 0 ? '+' : ''}${format.decimal(change, 4)}`;
