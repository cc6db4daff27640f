/** `verge evaluate`: how often a model is right, how fast and how large it is. */
import { evaluate } from '@verge/runtime';
import type { Part } from '@verge/data';
import { CliError } from '../errors.js';
import { createOutput, fields, percent } from '../output.js';
import { advised, type DataArguments, figureRows, openData, partToEvaluate } from './data.js';
import { openModelFile } from './model-file.js';
import { untilInterrupted } from './signals.js';

export interface EvaluateArguments extends DataArguments {
  model: string;
  part?: Part | 'all';
  threads: number;
  runs: number;
  output?: string;
  /** `name=array`, as typed. */
  input?: string[];
  fill?: Record<string, number>;
  dim?: Record<string, number>;
  json?: boolean;
}

/** @throws CliError `usage` naming each text that is not `name=array` */
function arraysOf(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string, string] => {
    const at = text.lastIndexOf('=');
    return [text, text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  });
  const wrong = pairs.filter(([, name, array]) => name === '' || array === '').map(([text]) => text);
  if (wrong.length > 0)
    throw new CliError('usage', `--input expects name=array, an array of the data set, not '${wrong.join("', '")}'`);
  return Object.fromEntries(pairs.map(([, name, array]) => [name, array]));
}

/**
 * Prints `{samples, accuracy, top5, p50Ms, p95Ms, peakRssBytes, bytes}`, and `notes` where the model is more than one output of
 * scores: which output was read, how its classes were matched, what was repaired.
 */
export async function evaluateVerb(options: EvaluateArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const { path } = await openModelFile(options.model);
  const { threads, runs, input, fill, dim } = options;
  const inputs = input && arraysOf(input);
  const samples = partToEvaluate(await openData({ ...options, ...(inputs && { inputs }) }, output), options);
  const measured = await advised(
    options,
    untilInterrupted((signal) =>
      evaluate(path, samples, {
        threads,
        runs,
        signal,
        ...(fill && { fixedInputs: fill }),
        ...(dim && { dims: dim }),
        ...(options.output !== undefined && { output: options.output }),
      }),
    ),
  );
  const { accuracy, top5, p50Ms, p95Ms, peakRssBytes, bytes, notes } = measured;
  const said = notes.length > 0 ? { notes } : {};
  output.result({ samples: measured.samples, accuracy, top5, p50Ms, p95Ms, peakRssBytes, bytes, ...said }, () =>
    fields([
      ['data', samples.name],
      ['samples', measured.samples],
      ...figureRows(measured),
      ['top-5', percent(top5)],
      ...notes.map((note) => ['note', note] as const),
    ]),
  );
}
