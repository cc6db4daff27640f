/** Ranges of activations by the methods that a recipe can name. */
import type { Model } from '@verge/onnx';
import { studyHistograms, studyRanges, type StudyOptions } from '../../study/calibrate.js';
import type { Feeds } from '../../study/feeds.js';
import { chooseRange, type ChosenRange, type RangeMethod } from '../../study/ranges.js';

/** A range for each group of activations. */
export type Ranges = ReadonlyMap<string, ChosenRange>;

/** The ranges by each method, from one run over the samples: min-max alone needs no histogram. */
export async function rangesBy(
  methods: readonly RangeMethod[],
  model: Model,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  { percentile, giveWay = true }: { percentile: number; giveWay?: boolean },
  study: StudyOptions,
): Promise<Map<RangeMethod, Ranges>> {
  if (methods.every((method) => method === 'min-max')) {
    const ranges = await studyRanges(model, groups, feeds, study);
    return new Map([['min-max', new Map([...ranges].map(([n, r]) => [n, { ...r, clips: false, kept: false }]))]]);
  }
  const histograms = await studyHistograms(model, groups, feeds, study);
  return new Map(
    methods.map((method) => [
      method,
      new Map([...histograms].map(([name, histogram]) => [name, chooseRange(histogram, method, percentile, giveWay)])),
    ]),
  );
}
