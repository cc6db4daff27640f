/** Ranges and histograms of activations on calibration samples, in one run over them. */
import type { Model } from '@verge/onnx';
import { ask, type AskOptions } from './ask.js';
import { Counts } from './counts.js';
import { Extremes } from './extremes.js';
import type { Feeds } from './feeds.js';
import type { Histogram, Range } from './histogram.js';

export type StudyOptions = AskOptions;

/**
 * The values of every activation, counted, of large ones a part; the least and the largest of all are exact.
 * @param model bound to the samples
 * @param groups activations by the representative whose parameters they share
 * @returns a histogram for each representative
 * @throws CompressionError `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function studyHistograms(
  model: Model,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  options: StudyOptions,
): Promise<ReadonlyMap<string, Histogram>> {
  const extremes = new Extremes(groups);
  const counts = new Counts(extremes);
  await ask(model, [extremes, counts], feeds, options);
  return counts.histograms;
}

/**
 * The least and largest value of every activation. Otherwise as `studyHistograms`.
 * @returns a range for each representative, with zero in it
 */
export async function studyRanges(
  model: Model,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  options: StudyOptions,
): Promise<ReadonlyMap<string, Range>> {
  const extremes = new Extremes(groups);
  await ask(model, [extremes], feeds, options);
  return extremes.ranges;
}
