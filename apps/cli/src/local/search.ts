/** `verge compress` without a recipe: variants are searched within a budget, and the best one is written. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { search } from '@verge/compression';
import { SearchBudget, type DeviceClass, type SearchReport, type SearchVariant } from '@verge/contracts';
import { digestOf, type Part, partNames, type Samples } from '@verge/data';
import { benchmarkModels, createSession, kernelTimerFor } from '@verge/runtime';
import { CliError, fieldLines } from '../errors.js';
import { createOutput, fields, milliseconds, size, table } from '../output.js';
import { type CompressArguments, portsOf, targetOf } from './compress.js';
import { advised, openData, splitData } from './data.js';
import { arraysOf } from './evaluate.js';
import { emptyFolder, folderFor, leavingNothing, writeJson, writeWhole } from './files.js';
import { readWholeModel } from './model-file.js';
import { searchHtml } from './search-html.js';
import { JOURNAL, openSearch } from './search-journal.js';
import { untilInterrupted } from './signals.js';

const flags: Readonly<Record<string, string>> = {
  maxDropPoints: '--max-drop',
  maxBytes: '--max-bytes',
  maxLatencyMs: '--max-latency',
  maxSeconds: '--max-seconds',
};

function budgetOf({ maxDrop, maxBytes, maxLatency, maxSeconds }: CompressArguments): SearchBudget {
  const parsed = SearchBudget.safeParse({
    ...(maxDrop !== undefined && { maxDropPoints: maxDrop }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(maxLatency !== undefined && { maxLatencyMs: maxLatency }),
    ...(maxSeconds !== undefined && { maxSeconds }),
  });
  if (parsed.success) return parsed.data;
  const lines = fieldLines(parsed.error).map((line) => line.replace(/^(\w+)/, (name) => flags[name] ?? name));
  throw new CliError('usage', 'the budget is not of the expected form', lines);
}

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

const points = ({ points: loss, lossBy }: SearchVariant): string =>
  loss === null ? '' : `${loss.toFixed(2)} (${lossBy ?? ''})`;

/** The front and what was measured whole, the smallest first; the rest is in the report. */
function shownVariants({ variants }: SearchReport): string[][] {
  return variants
    .filter(({ verdict, measured }) => verdict === 'best' || verdict === 'front' || measured)
    .sort((a, b) => (a.bytes ?? 0) - (b.bytes ?? 0))
    .map((v) => [
      v.id,
      size(v.bytes ?? 0),
      v.macs === null ? '?' : v.macs.toLocaleString('en'),
      points(v),
      milliseconds(v.measured?.p50Ms ?? null),
      v.verdict === 'best' ? 'best' : v.reason,
    ]);
}

function show(report: SearchReport, out: string): string {
  const { before, best, variants } = report;
  const count = (verdict: SearchVariant['verdict']): number => variants.filter((v) => v.verdict === verdict).length;
  return [
    table(['variant', '>size', '>MACs', '>loss, points', '>p50', 'verdict'], shownVariants(report)),
    '',
    fields([
      ['source', `${size(before.bytes)}, p50 ${milliseconds(before.p50Ms)}`],
      ['class', `${report.target.name} (${report.target.arch}, ${report.target.threads} threads)`],
      [
        'tried',
        `${variants.length - count('not-tried')} in ${report.seconds.toFixed(0)} s, ${report.resumed} by an earlier run; ${count('not-tried')} not tried`,
      ],
      ...report.notes.map((note) => ['note', note] as const),
      ['best', best ?? 'none'],
      ['written', out],
    ]),
  ].join('\n');
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
  output.result(report, () => show(report, options.out));
  if (!model)
    throw new CliError('failed', 'no variant keeps to the budget', report.notes.slice(-1), {
      reason: 'not-offered',
      answered: true,
    });
}
