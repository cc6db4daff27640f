/** `--data` and what goes with it. */
import { Preprocess } from '@verge/contracts';
import {
  type Dataset,
  type OpenOptions,
  openDataset,
  type Part,
  selectPart,
  splitSamples,
  type Samples,
} from '@verge/data';
import { readDocument } from '../documents.js';
import { CliError, cliError } from '../errors.js';
import { milliseconds, size, type Output } from '../output.js';

export interface DataArguments {
  data: string;
  format?: OpenOptions['format'];
  preprocess?: string;
  /** Columns, with commas between, as the others. */
  labelColumn?: string;
  targetKind?: OpenOptions['targetKind'];
  features?: string;
  drop?: string;
  missing?: number;
  layout?: OpenOptions['layout'];
  maxUnreadable?: number;
  /** Arrays of the data set that go into further inputs, by the name of the input. */
  inputs?: OpenOptions['inputs'];
  split: string;
}

/** A column as it is given: digits are its place. */
const columnOf = (text: string): string | number => (/^-?[0-9]+$/.test(text) ? Number(text) : text);

type Reading = Pick<Dataset, 'unreadable' | 'filled' | 'notes'>;

export async function openData(options: DataArguments, output: Output): Promise<Dataset> {
  const { format, labelColumn, targetKind, features, drop, missing, layout, maxUnreadable, inputs } = options;
  const preprocess = options.preprocess
    ? await readDocument(options.preprocess, Preprocess, 'preprocessing')
    : undefined;
  const [first, ...others] = labelColumn?.split(',').map(columnOf) ?? [];
  const data = await openDataset(options.data, {
    ...(format ? { format } : {}),
    ...(preprocess ? { preprocess } : {}),
    ...(first !== undefined ? { target: others.length > 0 ? [first, ...others] : first } : {}),
    ...(targetKind ? { targetKind } : {}),
    ...(features !== undefined ? { featureColumns: features.split(',') } : {}),
    ...(drop !== undefined ? { drop: drop.split(',') } : {}),
    ...(missing !== undefined ? { missing } : {}),
    ...(layout ? { layout } : {}),
    ...(maxUnreadable !== undefined ? { maxUnreadable } : {}),
    ...(inputs ? { inputs } : {}),
  });
  for (const line of describeReading(data)) output.progress(line);
  return data;
}

/** What was left out of a data set, filled in it and decided about it, in words. */
export function describeReading({ unreadable, filled = 0, notes = [] }: Reading): string[] {
  const { count, rows } = unreadable;
  return [
    ...notes.map((note) => `data: ${note}`),
    ...(filled > 0 ? [`data: ${filled} missing values were filled`] : []),
    ...(count > 0 ? [`${count} unreadable rows are left out, the first at ${rows[0]?.where}: ${rows[0]?.reason}`] : []),
  ];
}

/** @throws CliError `usage` naming every part that is empty */
export function refuseEmpty(
  data: Pick<Dataset, 'name' | 'y' | 'parts'>,
  countOf: (part: Part) => number,
  needed: readonly Part[],
): void {
  const empty = needed.filter((part) => countOf(part) === 0);
  if (empty.length > 0)
    throw new CliError('usage', `the data set '${data.name}' has too few samples: ${data.y.length}`, [
      ...empty.map((part) => `its ${part} part is empty`),
      ...(data.parts
        ? ['its own parts are used; name another split with --split (or `split` in the configuration)']
        : []),
    ]);
}

/** @throws CliError `usage` naming every part that is empty */
export function splitData(data: Dataset, split: string, needed: readonly Part[]): Record<Part, Samples> {
  const parts = splitSamples(data, split);
  refuseEmpty(data, (part) => parts[part].y.length, needed);
  return parts;
}

/** The test part where the data set names parts or a split; else every sample, for a bare file says nothing of parts. */
export function partToEvaluate(data: Dataset, { part, split }: { part?: Part | 'all'; split: string }): Samples {
  const named = data.parts !== undefined || data.split !== undefined || split !== 'auto';
  return selectPart(data, part ?? (named ? 'test' : 'all'), split);
}

/** Samples of another shape than the model reads most often lack the model's preprocessing: says so. */
export async function advised<T>(options: DataArguments, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    const { code, reason = '', message, details } = cliError(error);
    if (!['bad-samples', 'bad-feed'].includes(reason) || options.preprocess) throw error;
    const advice = 'give the preprocessing that the model was trained with: --preprocess FILE';
    throw new CliError(code, message, [...details, advice], { cause: error, reason });
  });
}

export interface Figures {
  p50Ms: number | null;
  p95Ms: number | null;
  bytes: number;
  peakRssBytes: number | null;
}

export const figureRows = (f: Figures): [string, string][] => [
  ['size', size(f.bytes)],
  ['p50', milliseconds(f.p50Ms)],
  ['p95', milliseconds(f.p95Ms)],
  ['peak memory', size(f.peakRssBytes)],
];
