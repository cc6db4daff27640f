/** NPY arrays, alone or in an NPZ, read by position; deflated entries are unpacked to a temporary file first. */
import { createInflateRaw } from 'node:zlib';
import { defaultMaxBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import { elementBytes } from '../readers/elements.js';
import { FiniteRows } from '../readers/finite.js';
import { chosenArrays, restNotes, type Chosen } from '../readers/array-names.js';
import { refuseMisfits, truthsOfArrays } from '../readers/array-targets.js';
import { npyFilesOf, npyHeader, parseNpy, shapeProblems, type NpyArray } from '../readers/npy.js';
import type { OpenOptions } from '../readers/options.js';
import { defaultMaxUnpackedBytes, PositionalFile } from './file.js';
import type { FixedRows } from './fixed-rows.js';
import { sizeOf, type RawSource } from './raw-source.js';
import { sourceOfRuns, type Run } from './runs.js';
import { zipEntries, type ZipEntry } from './zip.js';

/** The bytes of one NPY array within a file. */
interface Span {
  readonly file: PositionalFile;
  readonly start: number;
  readonly length: number;
  readonly name: string;
}

/** The largest header that is read; NumPy's own limit for headers that it trusts is far below. */
const maxHeader = 64 * 1024;

async function rowsOf(span: Span): Promise<FixedRows & { dims: readonly number[] }> {
  const header = npyHeader(await span.file.read(span.start, Math.min(maxHeader, span.length)), span.name);
  const size = elementBytes(header.descr);
  if (size === undefined)
    throw new DataError('malformed', `'${span.name}' holds elements of type '${header.descr}', expected numbers`);
  if (header.fortran && header.dims.length > 1) {
    throw new DataError(
      'malformed',
      `'${span.name}' is stored column by column; its samples can only be read one by one when it is stored row by row`,
    );
  }
  const { dims, descr, start } = header;
  if (!(start + sizeOf(dims) * size <= span.length))
    throw new DataError(
      'malformed',
      `'${span.name}' has ${span.length - start} bytes, its header says ${sizeOf(dims) * size}`,
    );
  return { file: span.file, start: span.start + start, descr, width: sizeOf(dims.slice(1)), dims };
}

async function labelsOf(span: Span, options: OpenOptions): Promise<NpyArray> {
  const limit = options.maxBytes ?? defaultMaxBytes;
  if (span.length > limit)
    throw new DataError('too-large', `'${span.name}' has ${span.length} bytes, the limit is ${limit}`);
  return parseNpy(await span.file.read(span.start, span.length), span.name);
}

async function spanOfEntry(
  file: PositionalFile,
  entry: ZipEntry,
  opened: PositionalFile[],
  limit: number,
): Promise<Span> {
  const name = `${file.path}:${entry.name}`;
  if (entry.method === 0) return { file, start: entry.start, length: entry.packed, name };
  if (entry.method !== 8) throw new DataError('malformed', `'${name}' is packed by method ${entry.method}`);
  const range = { start: entry.start, end: Math.max(entry.start, entry.start + entry.packed - 1) };
  const unpacked = await PositionalFile.unpack(file.path, createInflateRaw(), range, limit);
  opened.push(unpacked);
  return { file: unpacked, start: 0, length: unpacked.size, name };
}

interface Found {
  readonly chosen: Chosen;
  readonly spans: ReadonlyMap<string, Span>;
}

async function npzSpans(path: string, options: OpenOptions, opened: PositionalFile[]): Promise<Found> {
  const limit = options.maxUnpackedBytes ?? defaultMaxUnpackedBytes;
  const file = await PositionalFile.open(path, limit);
  opened.push(file);
  const entries = (await zipEntries(file)).filter((entry) => entry.name.endsWith('.npy'));
  const byName = new Map(entries.map((entry) => [entry.name.slice(0, -4), entry]));
  const spans = new Map<string, Span>();
  const chosen = chosenArrays(path, byName.keys());
  for (const source of chosen.pairs)
    for (const name of [source.x, ...(source.y === null ? [] : [source.y])])
      spans.set(name, await spanOfEntry(file, byName.get(name) as ZipEntry, opened, limit));
  return { chosen, spans };
}

async function npySpans(
  path: string,
  isFolder: boolean,
  options: OpenOptions,
  opened: PositionalFile[],
): Promise<Found> {
  const files = await npyFilesOf(path, isFolder);
  const spans = new Map<string, Span>();
  const chosen = chosenArrays(path, files.keys());
  for (const source of chosen.pairs) {
    for (const name of [source.x, ...(source.y === null ? [] : [source.y])]) {
      const file = await PositionalFile.open(files.get(name) as string, options.maxUnpackedBytes);
      opened.push(file);
      spans.set(name, { file, start: 0, length: file.size, name: file.path });
    }
  }
  return { chosen, spans };
}

async function sourceOf(
  path: string,
  { chosen, spans }: Found,
  opened: PositionalFile[],
  options: OpenOptions,
): Promise<RawSource> {
  const problems: string[] = [];
  const runs: (Run & { rows: { dims: readonly number[] } })[] = [];
  const ys: NpyArray[] = [];
  for (const source of chosen.pairs) {
    const rows = await rowsOf(spans.get(source.x) as Span);
    const y = source.y === null ? null : await labelsOf(spans.get(source.y) as Span, options);
    const first = { name: chosen.pairs[0]?.x as string, dims: runs[0]?.rows.dims ?? rows.dims };
    problems.push(...shapeProblems(source, { dims: [...rows.dims] }, y, first));
    if (y) ys.push(y);
    runs.push({ rows, count: rows.dims[0] ?? 0, ...(source.part && { part: source.part }) });
  }
  const asked = { path, names: chosen.pairs.map(({ y }) => y).join(', '), kind: options.targetKind };
  const count = runs.reduce((n, run) => n + run.count, 0);
  const truths = truthsOfArrays(ys, count, asked, problems);
  refuseMisfits(problems);
  const dims = runs[0]?.rows.dims ?? [];
  const shape = dims.length > 1 ? dims.slice(1) : [1];
  return sourceOfRuns(runs, shape, {
    finite: new FiniteRows(path, options),
    close: () => closeAll(opened),
    truths: { ...truths, notes: [...restNotes(chosen), ...truths.notes] },
  });
}

async function closeAll(files: readonly PositionalFile[]): Promise<void> {
  for (const file of files) await file.close();
}

async function opening(
  path: string,
  options: OpenOptions,
  find: (opened: PositionalFile[]) => Promise<Found>,
): Promise<RawSource> {
  const opened: PositionalFile[] = [];
  try {
    return await sourceOf(path, await find(opened), opened, options);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

export const openNpz = (path: string, options: OpenOptions): Promise<RawSource> =>
  opening(path, options, (opened) => npzSpans(path, options, opened));

export const openNpyFiles = (path: string, isFolder: boolean, options: OpenOptions): Promise<RawSource> =>
  opening(path, options, (opened) => npySpans(path, isFolder, options, opened));
