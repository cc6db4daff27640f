/** `verge compress`: a recipe carried out on one model for one device class. */
import { basename, join } from 'node:path';
import { compressModel, partsNeeded, targetNamed } from '@verge/compression';
import { type CompressionReport, DeviceClass, type QualityTask, Recipe } from '@verge/contracts';
import { benchmarkModels, createSession, hasInt8Dot, kernelTimerFor, openScratch, probeHardware } from '@verge/runtime';
import { readDocument } from '../documents.js';
import { CliError, fieldLines } from '../errors.js';
import { createOutput, fields, table } from '../output.js';
import { comparedFigures } from './compression-figures.js';
import { compressionHtml } from './compression-html.js';
import { advised, type DataArguments, openData, splitData } from './data.js';
import { arraysOf } from './evaluate.js';
import { beside, emptyFolder, leavingNothing, writeJson, writeWhole } from './files.js';
import { loadModel, openModelFile, readWholeModel } from './model-file.js';
import { searchOptionsIn, type SearchOptions } from '../search-budget.js';
import { comparedQuality, fidelityHeadings, fidelityRows } from '../quality.js';
import { untilInterrupted } from './signals.js';
import { writeModel } from './write-model.js';

export interface CompressArguments extends DataArguments, SearchOptions {
  model: string;
  /** Searched for when absent. */
  recipe?: string;
  out: string;
  force?: boolean;
  class?: string;
  target?: string;
  arch?: 'x64' | 'arm64';
  threads: number;
  task?: QualityTask;
  output?: string;
  /** `name=array`, as typed. */
  input?: string[];
  fill?: Record<string, number>;
  dim?: Record<string, number>;
  int8Activation?: 'uint8' | 'int8';
  vnni?: boolean;
  json?: boolean;
}

/** The class as named; what is not said is the target's, where one is named, and else this machine's. */
export async function targetOf(options: CompressArguments): Promise<DeviceClass> {
  const here = process.arch === 'arm64' ? 'arm64' : 'x64';
  const target = options.target === undefined ? null : targetNamed(options.target);
  const arch = options.arch ?? target?.device.arch ?? here;
  const parsed = DeviceClass.safeParse({
    name: options.class ?? target?.name ?? 'local',
    arch,
    threads: options.threads,
    int8Activation: options.int8Activation ?? target?.device.int8Activation ?? (arch === 'arm64' ? 'int8' : 'uint8'),
    vnni: options.vnni ?? target?.device.vnni ?? (arch === here ? hasInt8Dot(await probeHardware()) : true),
  });
  if (!parsed.success)
    throw new CliError(
      'usage',
      'the device class is not of the expected form',
      fieldLines(parsed.error).map((l) => l.replace(/^name:/, '--class:')),
    );
  return parsed.data;
}

function show(report: CompressionReport, out: string): string {
  const counts = (report_: CompressionReport['passes'][number]): string =>
    Object.entries(report_.changes)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ');
  return [
    table(['', '>before', '>after'], [...comparedQuality(report), ...comparedFigures(report)]),
    '',
    table(fidelityHeadings, fidelityRows(report.after.fidelity)),
    '',
    table(
      ['pass', '>seconds', 'changes', '>declined'],
      report.passes.map((p) => [p.pass, p.seconds.toFixed(1), counts(p), String(p.declined.length)]),
    ),
    ...report.passes.flatMap((p) => (p.notes ?? []).map((note) => `${p.pass}: ${note}`)),
    '',
    fields([
      ['class', `${report.target.name} (${report.target.arch}, ${report.target.threads} threads)`],
      ...(report.after.notes ?? []).map((note) => ['note', note] as const),
      ['offered', report.offered ? 'yes' : `no: ${report.reasons.join('; ')}`],
      ['written', out],
    ]),
  ].join('\n');
}

export const portsOf = ({ fill, dim, output }: CompressArguments) => ({
  ...(fill && { fixedInputs: fill }),
  ...(dim && { dims: dim }),
  ...(output !== undefined && { output }),
});

/** Writes model.onnx, report.json and report.html into `--out`; fails after that when the result is not offered. */
export async function compressVerb(options: CompressArguments, json: boolean): Promise<void> {
  const { recipe } = options;
  if (recipe === undefined) return (await import('./search.js')).searchVerb(options, json);
  const searches = searchOptionsIn(options);
  if (searches.length > 0)
    throw new CliError('usage', 'a recipe has a budget of its own', [
      `${searches.join(', ')}: for a search, without --recipe`,
    ]);
  return leavingNothing(options.out, () => compressInto({ ...options, recipe }, json));
}

async function compressInto(options: CompressArguments & { recipe: string }, json: boolean): Promise<void> {
  const output = createOutput(json);
  const recipe = await readDocument(options.recipe, Recipe, 'recipe');
  const target = await targetOf(options);
  // Before anything is written; and the file is named where it is no model.
  const source = await openModelFile(options.model);
  await emptyFolder(options.out, options.force === true, 'replace it with --force, or name another folder');
  const inputs = options.input && arraysOf(options.input);
  const opened = await openData({ ...options, ...(inputs && { inputs }) }, output);
  const data = splitData(opened, options.split, partsNeeded(recipe));
  const timeKernels = await kernelTimerFor(target);
  const bytes = source.bytes + source.beside;
  const scratch = openScratch(join(options.out, 'weights'));
  const model = bytes < scratch.least ? await readWholeModel(options.model) : { bytes, read: () => loadModel(source) };
  let report: CompressionReport;
  try {
    const compressed = await advised(
      options,
      untilInterrupted((signal) =>
        compressModel({
          model,
          recipe,
          target,
          data,
          ports: portsOf(options),
          ...(options.task && { task: options.task }),
          createSession,
          benchmark: benchmarkModels,
          ...(timeKernels && { timeKernels }),
          readModel: (name) => readWholeModel(beside(options.recipe, name)),
          scratch,
          signal,
          onProgress: ({ stage, index, stages }) => output.progress(`${index + 1}/${stages} ${stage}`),
        }),
      ),
    );
    ({ report } = compressed);
    await writeModel(join(options.out, 'model.onnx'), compressed.model);
  } finally {
    scratch.close();
  }
  await writeJson(join(options.out, 'report.json'), report);
  await writeWhole(join(options.out, 'report.html'), compressionHtml(report, basename(options.model)));
  output.result(report, () => show(report, options.out));
  if (!report.offered) {
    throw new CliError('failed', `the result is not offered to the class '${target.name}'`, report.reasons, {
      reason: 'not-offered',
      answered: true,
    });
  }
}
