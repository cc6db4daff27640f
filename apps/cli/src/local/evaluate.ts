/** `verge evaluate`: how good a model is, how fast and how large. */
import type { Accuracy, Quality, QualityTask } from '@verge/contracts';
import type { Part, Samples } from '@verge/data';
import { decodeModel } from '@verge/onnx';
import { benchmarkModel, openSession, readHead, sourceBytes } from '@verge/runtime';
import { measureQuality, sizesOf, subjectOfSession } from '@verge/training';
import { CliError } from '../errors.js';
import { createOutput, fields } from '../output.js';
import { advised, type DataArguments, figureRows, openData, partToEvaluate } from './data.js';
import { openModelFile } from './model-file.js';
import { qualityRows } from '../quality.js';
import { untilInterrupted } from './signals.js';

export interface EvaluateArguments extends DataArguments {
  model: string;
  part?: Part | 'all';
  threads: number;
  runs: number;
  output?: string;
  task?: QualityTask;
  /** `name=array`, as typed. */
  input?: string[];
  fill?: Record<string, number>;
  dim?: Record<string, number>;
  json?: boolean;
}

/** @throws CliError `usage` naming each text that is not `name=array` */
export function arraysOf(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string, string] => {
    const at = text.lastIndexOf('=');
    return [text, text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  });
  const wrong = pairs.filter(([, name, array]) => name === '' || array === '').map(([text]) => text);
  if (wrong.length > 0)
    throw new CliError('usage', `--input expects name=array, an array of the data set, not '${wrong.join("', '")}'`);
  return Object.fromEntries(pairs.map(([, name, array]) => [name, array]));
}

interface Measured {
  samples: number;
  accuracy?: number;
  /** null where the model gives labels alone. */
  top5?: number | null;
  quality: readonly Quality[];
  p50Ms: number;
  p95Ms: number;
  peakRssBytes: number;
  bytes: number;
  notes?: readonly string[];
}

/** A model whose tensors lie in files beside it is run from there. */
async function measured(
  path: string,
  samples: Samples,
  { threads, runs, fill, dim, output, task }: EvaluateArguments,
  signal: AbortSignal,
): Promise<Measured> {
  const ports = { ...(fill && { fixedInputs: fill }), ...(dim && { dims: dim }) };
  const session = await openSession(path, { threads });
  try {
    const subject = subjectOfSession(session, decodeModel(readHead(path)));
    const aims = { ...(output !== undefined && { output }), ...(task && { task }) };
    const [found] = await measureQuality([subject], samples, { ...ports, ...aims, signal });
    const { quality, accuracy, by, notes, failures } = found!;
    // Samples that say what is right, and nothing that could be made of it, are a fault; without labels there is nothing to find.
    if (quality.length === 0 && failures[0]) throw failures[0];
    const unlabelled = quality.length === 0 ? ['no figure of quality: the samples say nothing of what is right'] : [];
    const said = [...notes, ...unlabelled];
    const speed = await benchmarkModel({ model: path, threads, runs, signal, feeds: sizesOf(samples, ports) });
    const { p50Ms, p95Ms, peakRssBytes } = speed;
    return {
      ...{ samples: samples.y.length, ...sharesOf(accuracy, by), quality },
      ...{ p50Ms, p95Ms, peakRssBytes, bytes: sourceBytes(path) },
      ...(said.length > 0 && { notes: said }),
    };
  } finally {
    await session.release();
  }
}

const sharesOf = (accuracy: Accuracy | undefined, by: 'scores' | 'labels' | undefined) =>
  accuracy && { accuracy: accuracy.accuracy, top5: by === 'labels' ? null : accuracy.top5 };

/**
 * Prints `{samples, quality, p50Ms, p95Ms, peakRssBytes, bytes}`, `accuracy` and `top5` of a classifier, and `notes` where something was
 * chosen: which output was read, how its classes were matched, what was repaired.
 */
export async function evaluateVerb(options: EvaluateArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const { path } = await openModelFile(options.model);
  const inputs = options.input && arraysOf(options.input);
  const samples = partToEvaluate(await openData({ ...options, ...(inputs && { inputs }) }, output), options);
  const found = await advised(
    options,
    untilInterrupted((signal) => measured(path, samples, options, signal)),
  );
  output.result(found, () =>
    fields([
      ['data', samples.name],
      ['samples', found.samples],
      ...qualityRows(found.quality),
      ...figureRows(found),
      ...(found.notes ?? []).map((note) => ['note', note] as const),
    ]),
  );
}
