/** `verge benchmark`: latency and memory of a model in a process of its own. */
import { type FedInput, type FeedOptions, openSizes } from '@verge/onnx';
import { benchmarkModel } from '@verge/runtime';
import { createOutput, fields, milliseconds, size } from '../output.js';
import { givenInputs } from './given-inputs.js';
import { openModelFile, refuseUnknownSizes } from './model-file.js';
import { advisedRun, sizesIn } from './trial.js';
import { untilInterrupted } from './signals.js';

export interface BenchmarkArguments {
  model: string;
  threads: number;
  runs: number;
  warmup: number;
  dim?: Record<string, number>;
  input?: string[];
  json?: boolean;
}

export async function benchmarkVerb(options: BenchmarkArguments, json: boolean): Promise<void> {
  const { threads, runs, warmup } = options;
  const { path, bytes } = await openModelFile(options.model);
  const notes: string[] = [];
  const feeds = async (inputs: readonly FedInput[]): Promise<FeedOptions> => {
    refuseUnknownSizes(openSizes(inputs).keys(), '--dim', options.dim);
    const { notes: own, ...given } = await givenInputs(options.input ?? [], inputs);
    notes.push(...own);
    return { ...given, dims: options.dim ?? {} };
  };
  const result = await untilInterrupted((signal) =>
    benchmarkModel({ model: path, threads, runs, warmup, signal, feeds }),
  ).catch((error: unknown) => {
    throw advisedRun(error, '--dim name=size, --input name=SHAPE or FILE');
  });
  const repairs = [...result.repairs, ...notes];
  createOutput(json).result({ ...result, repairs, bytes }, () =>
    fields([
      ['inputs', result.inputs.map((i) => `${i.name} ${i.dtype} [${i.shape.join(', ')}]`).join('; ')],
      ['assumed', sizesIn(result.assumed)],
      ...repairs.map((repair) => ['repaired', repair] as const),
      ['p50', milliseconds(result.p50Ms)],
      ['p95', milliseconds(result.p95Ms)],
      ['mean', milliseconds(result.meanMs)],
      ['runs', result.runs],
      ['threads', result.threads],
      ['peak memory', `${size(result.peakRssBytes)}, of which ${size(result.baselineRssBytes)} before the model`],
      ['size', size(bytes)],
      ['machine', result.machine],
    ]),
  );
}
