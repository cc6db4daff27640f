/** Time series in `.ts` files to samples [steps, channels]; shorter series are padded at their end, their lengths kept. */
import { basename, dirname, join } from 'node:path';
import { defaultMaxBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import type { Part } from '../samples.js';
import { visibleIn } from './folder-walk.js';
import { linesOf } from './lines.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';
import { fillMissing, parseCase, SeriesHeaderLines, type SeriesCase, type SeriesHeader } from './series-text.js';

interface SeriesFile {
  readonly header: SeriesHeader;
  readonly cases: readonly SeriesCase[];
}

const partSuffix = /_(TRAIN|TEST)\.ts(\.gz)?$/i;
const partOf = (path: string): Part => (/_TEST\.ts(\.gz)?$/i.test(path) ? 'test' : 'train');
/** What the files of one problem have in common. */
const problemOf = (path: string): string => basename(path).replace(/(_TRAIN|_TEST)?\.ts(\.gz)?$/i, '');

/** `.ts` files of a folder: TRAIN before TEST, names in order. */
export async function seriesFilesIn(folder: string): Promise<string[]> {
  const names = (await visibleIn(folder)).filter((name) => /\.ts(\.gz)?$/i.test(name) && !/\.d\.ts$/i.test(name));
  const rank = (name: string): string => `${problemOf(name)}\0${partOf(name) === 'test' ? 1 : 0}${name}`;
  return names.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).map((name) => join(folder, name));
}

/**
 * The files that are opened together: `X_TRAIN.ts` brings the `X_TEST.ts` beside it, any other file stays alone, and a
 * folder holds one problem.
 */
export async function seriesFilesOf(path: string, isFolder: boolean): Promise<string[]> {
  if (!isFolder && !/_TRAIN\.ts(\.gz)?$/i.test(path)) return [path];
  const all = await seriesFilesIn(isFolder ? path : dirname(path));
  const files = isFolder ? all : all.filter((file) => partSuffix.test(file) && problemOf(file) === problemOf(path));
  const problems = [...new Set(files.map(problemOf))];
  if (problems.length > 1) {
    throw new DataError('unknown-format', `'${path}' holds several problems: ${problems.join(', ')}; name one's file`);
  }
  if (files.length === 0) throw new DataError('missing-part', `'${path}' holds no .ts file`);
  return files;
}

/** What is wrong with a case that could be parsed, given the options. */
function complaint(found: SeriesCase, { missing, steps }: OpenOptions): string | null {
  if (found.missing > 0 && missing === undefined) return `${found.missing} values are missing`;
  if (steps !== undefined && found.steps > steps) return `${found.steps} steps, more than the ${steps} asked for`;
  return null;
}

async function readFile(path: string, options: OpenOptions, unreadable: UnreadableRows): Promise<SeriesFile> {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const lines = new SeriesHeaderLines();
  const cases: SeriesCase[] = [];
  let header: SeriesHeader | null = null;
  let bytes = 0;
  for await (const { number, text } of linesOf(path, maxBytes)) {
    options.signal?.throwIfAborted();
    if (text.trim() === '' || text.startsWith('#')) continue;
    if (header === null) {
      if (!text.startsWith('@')) throw new DataError('malformed', `line ${number} of '${path}' comes before @data`);
      if (!lines.add(text)) header = lines.finish(path);
      continue;
    }
    const found = parseCase(text, header);
    const problem = typeof found === 'string' ? found : complaint(found, options);
    if (typeof found === 'string' || problem !== null) {
      unreadable.add(`${basename(path)} line ${number}`, problem ?? '');
      continue;
    }
    header = { ...header, channels: found.channels };
    cases.push(found);
    bytes += found.values.byteLength;
    if (bytes > maxBytes) throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes`);
  }
  if (header === null) throw new DataError('malformed', `'${path}' has no @data`);
  return { header, cases };
}

/** @throws DataError `shape-mismatch` when the files of a problem do not fit each other */
function checkAlike(files: readonly SeriesFile[], paths: readonly string[]): void {
  const first = (files[0] as SeriesFile).header;
  const problems = files.flatMap(({ header }, i) => {
    const found: string[] = [];
    if (header.labels.join('\0') !== first.labels.join('\0')) found.push(`'${paths[i]}' names other classes`);
    if (header.channels !== first.channels)
      found.push(`'${paths[i]}' has ${header.channels} channels, '${paths[0]}' has ${first.channels}`);
    return found;
  });
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
}

/**
 * Reads a `.ts` file, or a pair `X_TRAIN.ts` and `X_TEST.ts`, which then gives the parts. `options.steps` fixes the
 * number of steps, `options.padValue` (0) fills shorter series up, `options.missing` says what stands for `?`.
 * @returns samples [steps, channels]; `lengths` where the series differ in length
 */
export async function readSeries(path: string, isFolder: boolean, options: OpenOptions): Promise<RawDataset> {
  const paths = await seriesFilesOf(path, isFolder);
  const unreadable = new UnreadableRows(path, options.maxUnreadable);
  const files: SeriesFile[] = [];
  for (const file of paths) files.push(await readFile(file, options, unreadable));
  unreadable.check();
  checkAlike(files, paths);
  const cases = files.flatMap((file) => file.cases);
  const [first] = cases;
  if (!first) throw new DataError('malformed', `'${path}' has no case`);
  const { labels } = (files[0] as SeriesFile).header;
  const steps = options.steps ?? cases.reduce((most, c) => Math.max(most, c.steps), 0);
  const size = steps * first.channels;
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  if (cases.length * size * 4 > maxBytes)
    throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes when padded to ${steps} steps`);
  const x = new Float32Array(cases.length * size).fill(options.padValue ?? 0);
  let filled = 0;
  cases.forEach((found, i) => {
    filled += found.missing;
    if (options.missing !== undefined && found.missing > 0) fillMissing(found, options.missing);
    x.set(found.values, i * size);
  });
  const parts = files.flatMap((file, i) => file.cases.map(() => partOf(paths[i] as string)));
  const uneven = cases.some((c) => c.steps !== steps);
  return {
    kind: 'arrays',
    format: 'ts',
    x,
    shape: [steps, first.channels],
    layout: 'TC',
    y: Int32Array.from(cases, (c) => labels.indexOf(c.label)),
    labels: [...labels],
    filled,
    unreadable: unreadable.summary,
    ...(uneven && { lengths: Int32Array.from(cases, (c) => c.steps) }),
    ...(paths.length > 1 && { parts }),
  };
}
