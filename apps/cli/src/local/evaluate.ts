/** `verge evaluate`: how often a model is right, how fast and how large it is. */
import { evaluate } from '@verge/runtime';
import type { Part } from '@verge/data';
import { createOutput, fields, percent } from '../output.js';
import { advised, type DataArguments, figureRows, openData, partToEvaluate } from './data.js';
import { readModel } from './model-file.js';
import { untilInterrupted } from './signals.js';

export interface EvaluateArguments extends DataArguments {
  model: string;
  part?: Part | 'all';
  threads: number;
  runs: number;
  output?: string;
  json?: boolean;
}

/**
 * Prints `{samples, accuracy, top5, p50Ms, p95Ms, peakRssBytes, bytes}`, and `notes` where the model is more than one output of
 * scores: which output was read, how its classes were matched, what was repaired.
 */
export async function evaluateVerb(options: EvaluateArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const model = await readModel(options.model);
  const samples = partToEvaluate(await openData(options, output), options);
  const { threads, runs } = options;
  const measured = await advised(
    options,
    untilInterrupted((signal) =>
      evaluate(model.bytes, samples, {
        ...model.session,
        threads,
        runs,
        signal,
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
