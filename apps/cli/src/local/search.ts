/** `verge compress` without a recipe: variants are searched within a budget, and the best one is written. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { search } from '@verge/compression';
import type { DeviceClass, SearchBudget } from '@verge/contracts';
import { digestOf, type Part, partNames, type Samples } from '@verge/data';
import { benchmarkModels, createSession, kernelTimerFor } from '@verge/runtime';
import { CliError } from '../errors.js';
import { createOutput } from '../output.js';
import { budgetOf } from '../search-budget.js';
import { searchText } from '../search-figures.js';
import { type CompressArguments, portsOf, targetOf } from './compress.js';
import { advised, openData, splitData } from './data.js';
import { arraysOf } from './evaluate.js';
import { emptyFolder, folderFor, leavingNothing, writeJson, writeWhole } from './files.js';
import { readWholeModel } from './model-file.js';
import { searchHtml } from './search-html.js';
import { JOURNAL, openSearch } from './search-journal.js';
import { untilInterrupted } from './signals.js';

/** What the outcome depends on but for the time that is given: a search with more of it goes on. */
function keyOf(
  model: Uint8Array,
  data: Record<Part, Samples>,
  target: DeviceClass,
  { maxSeconds: _time, ...budget }: SearchBudget,
  options: CompressArguments,
): string {
  const { seed, task, output, fill, dim } = options;
  const hash = createHash('sha256').update(model);
  for (const part of partNames) hash.update(digestOf(data[part]));
  return hash.update(JSON.stringify([target, budget, seed, task, output, fill, dim])).digest('hex');
}

/** Writes report.json and report.html, and model.onnx where a variant keeps to the budget; fails after that when none does. */
export function searchVerb(options: CompressArguments, json: boolean): Promise<void> {
  return leavingNothing(options.out, () => searchInto(options, json));
}

async function searchInto(options: CompressArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const budget = budgetOf(options);
  const target = await targetOf(options);
  const source = await readWholeModel(options.model);
  const inputs = options.input && arraysOf(options.input);
  const opened = await openData({ ...options, ...(inputs && { inputs }) }, output);
  const data = splitData(opened, options.split, ['train', 'test']);
  const names = await folderFor(options.out);
  if (!names.includes(JOURNAL))
    await emptyFolder(options.out, options.force === true, 'replace it with --force, or name another folder');
  const key = keyOf(source, data, target, budget, options);
  const journal = await openSearch(options.out, key, options.force === true);
  const timeKernels = await kernelTimerFor(target);
  const { model, report } = await advised(
    options,
    untilInterrupted((signal) =>
      search({
        ...{ model: source, budget, target, data, journal, ports: portsOf(options), signal },
        ...(options.seed !== undefined && { seed: options.seed }),
        ...(options.task && { task: options.task }),
        ...{ createSession, benchmark: benchmarkModels, ...(timeKernels && { timeKernels }) },
        onProgress: ({ stage, tried }) => output.progress(`${tried + 1} ${stage}`),
      }),
    ),
  );
  if (model) await writeWhole(join(options.out, 'model.onnx'), model);
  await writeJson(join(options.out, 'report.json'), report);
  await writeWhole(join(options.out, 'report.html'), searchHtml(report, basename(options.model)));
  output.result(report, () => searchText(report, [['written', options.out]]));
  if (!model)
    throw new CliError('failed', 'no variant keeps to the budget', report.notes.slice(-1), {
      reason: 'not-offered',
      answered: true,
    });
}
