/** `verge benchmark`: latency and memory of a model in a process of its own. */
import { benchmarkModel } from '@verge/runtime';
import { createOutput, fields, milliseconds, size } from '../output.js';
import { readModel } from './model-file.js';
import { untilInterrupted } from './signals.js';

export interface BenchmarkArguments {
  model: string;
  threads: number;
  runs: number;
  warmup: number;
  json?: boolean;
}

export async function benchmarkVerb(options: BenchmarkArguments, json: boolean): Promise<void> {
  const { threads, runs, warmup } = options;
  const { bytes, session } = await readModel(options.model);
  const result = await untilInterrupted((signal) =>
    benchmarkModel({ model: bytes, ...session, threads, runs, warmup, signal }),
  );
  createOutput(json).result({ ...result, bytes: bytes.byteLength }, () =>
    fields([
      ['p50', milliseconds(result.p50Ms)],
      ['p95', milliseconds(result.p95Ms)],
      ['mean', milliseconds(result.meanMs)],
      ['runs', result.runs],
      ['threads', result.threads],
      ['peak memory', `${size(result.peakRssBytes)}, of which ${size(result.baselineRssBytes)} before the model`],
      ['size', size(bytes.byteLength)],
      ['machine', result.machine],
    ]),
  );
}
