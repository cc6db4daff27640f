/**
 * Parquet: numeric columns to samples [columns], one column of lists to samples [items], or one column of encoded images or
 * recordings as Hugging Face writes them ({bytes, path}, or plain bytes). A file, or a folder of files whose names begin
 * with train, validation or test.
 */
import { basename, join } from 'node:path';
import { defaultMaxBytes } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import { partInName, type Elements, type Part } from '../samples.js';
import { elementsOf, sizeOf, type RawSource, type RowBlock } from '../stream/raw-source.js';
import { isWav } from '../preprocess/audio/wav.js';
import { decodeSample } from './decode-sample.js';
import { visibleIn } from './folder-walk.js';
import { GrowingNumbers } from './grow.js';
import { UnreadableRows, type OpenOptions } from './options.js';
import { layoutOf, notedNames, type Layout } from './parquet-columns.js';
import { ParquetFile } from './parquet-file.js';
import { ParquetRows, type Chunk } from './parquet-rows.js';
import { RowReader, Targets, type Cell } from './table-rows.js';
import type { Truths } from './target.js';

/** Files of a folder in the order of their names, those of `data` below it too, as Hugging Face has them. */
export async function parquetFilesIn(folder: string): Promise<string[]> {
  const below = await visibleIn(join(folder, 'data')).catch(() => []);
  const names = [...(await visibleIn(folder)), ...below.map((name) => join('data', name))];
  return names
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => join(folder, name));
}

/** Where each sample lies, and what is right of it. */
interface Index {
  readonly chunks: readonly Chunk[];
  /** For each sample its row group, and its row there. */
  readonly chunkOf: Float64Array;
  readonly rowOf: Float64Array;
  readonly truths: Truths;
}

const placeName = ({ file, group }: Chunk, row: number): string =>
  `${basename(file.path)} row ${row} of group ${group}`;

/** Whole numbers of 64 bits, which keep their digits as text where a double would not. */
const cellOf = (value: unknown): Cell =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value))
    ? Number(value)
    : typeof value === 'bigint'
      ? String(value)
      : (value as Cell);

async function readTargets(
  files: readonly ParquetFile[],
  { targets: columns, facts }: Layout,
  unreadable: UnreadableRows,
  options: OpenOptions,
): Promise<Index> {
  const chunks = files.flatMap((file) => file.groups.map((_, group) => ({ file, group })));
  const [chunkOf, rowOf] = [new GrowingNumbers(), new GrowingNumbers()];
  const [first] = columns;
  const names = first ? notedNames(files[0] as ParquetFile, first) : null;
  const targets = new Targets(facts, new RowReader(facts, options), options.targetKind, names);
  let count = 0;
  for (const [c, chunk] of chunks.entries()) {
    options.signal?.throwIfAborted();
    const values: ArrayLike<unknown>[] = [];
    for (const column of columns) values.push(await chunk.file.read(column, chunk.group));
    const cells: Cell[] = [];
    for (let row = 0; row < (chunk.file.groups[chunk.group] as number); row++) {
      facts.columns.targets.forEach((at, i) => (cells[at] = cellOf(values[i]?.[row])));
      const problems = targets.add(cells);
      if (problems.length > 0) {
        unreadable.add(placeName(chunk, row), problems.join(', '));
        continue;
      }
      chunkOf.push(c);
      rowOf.push(row);
      count++;
    }
  }
  unreadable.check();
  if (count === 0) throw new DataError('malformed', `'${files[0]?.path}' has no row`);
  return { chunks, chunkOf: chunkOf.take(), rowOf: rowOf.take(), truths: targets.finish() };
}

const defaultCacheBytes = 64 * 1024 * 1024;

interface Opened {
  readonly files: readonly ParquetFile[];
  readonly layout: Layout;
  readonly unreadable: UnreadableRows;
}

async function sourceOf({ files, layout, unreadable }: Opened, options: OpenOptions): Promise<RawSource> {
  const { chunks, chunkOf, rowOf, truths } = await readTargets(files, layout, unreadable, options);
  const { notes, ...right } = truths;
  const { y } = right;
  const fill = options.missing === 'hold' ? undefined : options.missing;
  const rows = new ParquetRows(chunks, layout, options.cacheBytes ?? defaultCacheBytes, fill);
  const filledIn = new Map<number, number>();
  const encoded = layout.features[0]?.kind === 'bytes';
  const finished = encoded && options.preprocess !== undefined;
  const sampleAt = async (index: number): Promise<{ x: Elements; shape: readonly number[] } | string> => {
    const { values: row, filled } = await rows.at(chunkOf[index] as number, rowOf[index] as number);
    if (filled > 0) filledIn.set(index, filled);
    if (typeof row === 'string') return row;
    if (!encoded) return { x: row, shape: [row.length] };
    const bytes = row as Uint8Array;
    return decodeSample(bytes, options.preprocess, isWav(bytes) ? 'recording' : 'image').catch(messageOf);
  };
  let first: Awaited<ReturnType<typeof sampleAt>> = 'no row';
  for (let i = 0; typeof first === 'string' && i < y.length; i++) first = await sampleAt(i);
  if (typeof first === 'string')
    throw new DataError('malformed', `'${files[0]?.path}' has no row that can be read: ${first}`);
  const { shape } = first;
  const dtype = first.x instanceof Uint8Array ? 'uint8' : 'float32';
  const broken = new Set<number>();
  const refuse = (index: number, reason: string): void => {
    if (broken.has(index)) return;
    broken.add(index);
    unreadable.add(placeName(chunks[chunkOf[index] as number] as Chunk, rowOf[index] as number), reason);
  };
  const partOfChunk = chunks.map(({ file }) => partInName(basename(file.path)));
  const parts = partOfChunk.includes(null) ? [] : Array.from(chunkOf, (c) => partOfChunk[c] as Part);
  return {
    shape,
    ...(encoded && { layout: shape.length === 3 ? ('HWC' as const) : ('TC' as const) }),
    dtype,
    ...right,
    finished,
    notes: [...layout.notes, ...notes],
    get filled() {
      return [...filledIn.values()].reduce((a, b) => a + b, 0);
    },
    ...(files.length > 1 && parts.length > 0 && { parts }),
    // As written by the usual writers, all groups but a file's last are alike.
    ...(chunks.length > 1 && { block: files[0]?.groups[0] }),
    get unreadable() {
      return unreadable.summary;
    },
    check: () => unreadable.check(),
    rows: (indices) =>
      collectRows(indices, sizeOf(shape), dtype, async (index) => {
        const sample = await sampleAt(index);
        if (typeof sample !== 'string' && sample.shape.join() === shape.join()) return sample.x;
        refuse(
          index,
          typeof sample === 'string' ? sample : `[${sample.shape.join(', ')}], the first row is [${shape.join(', ')}]`,
        );
        return null;
      }),
    close: async () => {
      for (const file of files) await file.close();
    },
  };
}

/** Rows at `indices`; those in one row group are read one after the other, whatever their order. */
async function collectRows(
  indices: ArrayLike<number>,
  width: number,
  dtype: 'uint8' | 'float32',
  read: (index: number) => Promise<Elements | null>,
): Promise<RowBlock> {
  const found: (Elements | null)[] = new Array<Elements | null>(indices.length).fill(null);
  const order = Uint32Array.from({ length: indices.length }, (_, i) => i);
  order.sort((a, b) => (indices[a] as number) - (indices[b] as number));
  for (const place of order) found[place] = await read(indices[place] as number);
  const kept = found.flatMap((row, i) => (row ? [i] : []));
  const x = elementsOf(dtype, kept.length * width);
  kept.forEach((place, k) => x.set(found[place] as Elements, k * width));
  return kept.length === found.length ? { x } : { x, kept };
}

/** @throws DataError `unknown-format` where some files name a part and others do not */
function checkParts(path: string, files: readonly string[]): void {
  const without = files.map((file) => basename(file)).filter((name) => partInName(name) === null);
  if (without.length === 0 || without.length === files.length) return;
  throw new DataError(
    'unknown-format',
    `'${path}': some files are called after their part, these are not: ${without.join(', ')}`,
    { problems: without },
  );
}

/** Opens a Parquet file, or a folder of them. */
export async function openParquet(path: string, isFolder: boolean, options: OpenOptions): Promise<RawSource> {
  const names = isFolder ? await parquetFilesIn(path) : [path];
  if (names.length === 0) throw new DataError('missing-part', `'${path}' holds no Parquet file`);
  const files: ParquetFile[] = [];
  try {
    for (const name of names) files.push(await ParquetFile.open(name, options.maxBytes ?? defaultMaxBytes));
    checkParts(path, names);
    const layout = layoutOf(files[0] as ParquetFile, options);
    const same = (file: ParquetFile): boolean =>
      [...layout.targets, ...layout.features].every(({ name, kind }) =>
        file.columns.some((column) => column.name === name && column.kind === kind),
      );
    const odd = files.find((file) => !same(file));
    if (odd) throw new DataError('shape-mismatch', `'${odd.path}' has other columns than '${files[0]?.path}'`);
    return await sourceOf({ files, layout, unreadable: new UnreadableRows(path, options.maxUnreadable) }, options);
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}
