/** A model's `Measurement` of the contracts: size, parameters, MACs, accuracy, latency, memory, in one call. */
import type { Accuracy, Measurement } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { decodeModel, summarize } from '@verge/onnx';
import { benchmarkModel } from './benchmark.js';
import { scoreModel } from './evaluate.js';
import { sizesOf, type FeedingOptions } from './scores/feed.js';

export interface MeasureOptions extends FeedingOptions {
  /** The output that says the class; chosen by type when absent. */
  output?: string;
  threads?: number;
  /** Timed runs; 200 unless told otherwise. */
  runs?: number;
  signal?: AbortSignal;
  /** false where the outputs are no scores of classes: accuracy is then not measured, 0 of 0 samples. */
  classes?: boolean;
}

export interface Measured {
  measurement: Measurement;
  accuracy: Accuracy;
  /** confusion[true class][predicted class], counts. */
  confusion: number[][];
}

const RUNS = 200;

/** Accuracy alone, where latency and memory are not asked for. */
export async function measureAccuracy(
  model: Uint8Array,
  samples: Samples,
  options: MeasureOptions = {},
): Promise<Pick<Measured, 'accuracy' | 'confusion'>> {
  if (options.classes === false) return { accuracy: { samples: 0, accuracy: 0, top5: 0 }, confusion: [] };
  const { samples: count, accuracy, top5, confusion } = await scoreModel(model, samples, options);
  // Of labels alone it is known that the class was among the first five as often as it was the first, at least.
  return { accuracy: { samples: count, accuracy, top5: top5 ?? accuracy }, confusion };
}

/** @throws RuntimeError as `scoreModel` and `benchmarkModel` */
export async function measure(model: Uint8Array, samples: Samples, options: MeasureOptions = {}): Promise<Measured> {
  const scored = await measureAccuracy(model, samples, options);
  const { runs = RUNS, threads = 1, signal } = options;
  const feeds = sizesOf(samples, options);
  const benchmark = await benchmarkModel({ model, runs, threads, feeds, ...(signal ? { signal } : {}) });
  const { parameters, macs } = summarize(decodeModel(model));
  const { p50Ms, p95Ms, peakRssBytes, machine } = benchmark;
  const { accuracy, samples: count } = scored.accuracy;
  return {
    ...scored,
    measurement: {
      bytes: model.byteLength,
      parameters,
      macs,
      accuracy,
      samples: count,
      p50Ms,
      p95Ms,
      peakRssBytes,
      threads,
      runs: benchmark.runs,
      machine,
    },
  };
}
