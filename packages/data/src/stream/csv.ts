/** CSV read by position: one pass finds where each row lies and what its label is. */
import { DataError } from '../errors.js';
import { CsvReading, eachCsvSample, utf16Of } from '../readers/csv.js';
import { CsvSplitter } from '../readers/csv-text.js';
import { GrowingNumbers } from '../readers/grow.js';
import { UnreadableRows, type OpenOptions } from '../readers/options.js';
import type { Truths } from '../readers/target.js';
import { fromUtf16 } from '../readers/text-encoding.js';
import { defaultMaxUnpackedBytes, PositionalFile } from './file.js';
import type { RawSource } from './raw-source.js';

/** Rows that lie closer together than this are read together. */
const gapBytes = 16 * 1024;
const readBytes = 1024 * 1024;

interface Index {
  readonly reading: CsvReading;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly filled: number;
  readonly truths: Truths;
}

async function indexRows(file: string, path: string, options: OpenOptions, unreadable: UnreadableRows): Promise<Index> {
  const starts = new GrowingNumbers();
  const ends = new GrowingNumbers();
  const reading = await CsvReading.open(file, path, options);
  let filled = 0;
  const truths = await eachCsvSample(reading, file, path, { options, unreadable }, (_, more, row) => {
    filled += more;
    starts.push(row.start);
    ends.push(row.end);
  });
  return { reading, starts: starts.take(), ends: ends.take(), filled, truths };
}

async function readRows(
  file: PositionalFile,
  { reading, starts, ends }: Index,
  indices: ArrayLike<number>,
): Promise<Float32Array> {
  const { width } = reading.reader;
  const x = new Float32Array(width);
  const out = new Float32Array(indices.length * width);
  const order = Uint32Array.from({ length: indices.length }, (_, i) => i);
  const startOf = (k: number): number => starts[indices[order[k] as number] as number] as number;
  const endOf = (k: number): number => ends[indices[order[k] as number] as number] as number;
  order.sort((a, b) => (indices[a] as number) - (indices[b] as number));
  for (let from = 0; from < order.length;) {
    const start = startOf(from);
    let to = from + 1;
    while (to < order.length && startOf(to) - endOf(to - 1) <= gapBytes && endOf(to) - start <= readBytes) to++;
    const bytes = Buffer.from(await file.read(start, endOf(to - 1) - start));
    for (let k = from; k < to; k++) {
      const splitter = new CsvSplitter(reading.dialect);
      const text = bytes.toString('latin1', startOf(k) - start, endOf(k) - start);
      const [row] = [...splitter.push(text), ...splitter.end()];
      if (
        row?.cells.length !== reading.layout.width ||
        reading.reader.features(reading.cellsOf(row), x).problems.length > 0
      )
        throw new DataError('malformed', `'${file.path}' has changed since it was opened`);
      out.set(x, (order[k] as number) * width);
    }
    from = to;
  }
  return out;
}

/** UTF-16 becomes UTF-8 in a temporary file, so that rows lie where their bytes do. */
async function openText(path: string, options: OpenOptions): Promise<PositionalFile> {
  const utf16 = await utf16Of(path, options);
  const file = await PositionalFile.open(path, options.maxUnpackedBytes);
  if (!utf16) return file;
  try {
    const limit = options.maxUnpackedBytes ?? defaultMaxUnpackedBytes;
    return await PositionalFile.unpack(file.location, fromUtf16(utf16), {}, limit);
  } finally {
    await file.close();
  }
}

export async function openCsv(path: string, options: OpenOptions): Promise<RawSource> {
  const file = await openText(path, options);
  try {
    const unreadable = new UnreadableRows(path, options.maxUnreadable);
    const utf8 = options.encoding?.startsWith('utf-16') ? { encoding: 'utf-8' as const } : {};
    const index = await indexRows(file.location, path, { ...options, ...utf8 }, unreadable);
    const { notes, ...truths } = index.truths;
    return {
      shape: [index.reading.reader.width],
      dtype: 'float32',
      ...truths,
      filled: index.filled,
      notes: [...index.reading.notes, ...notes],
      unreadable: unreadable.summary,
      rows: async (indices) => ({ x: await readRows(file, index, indices) }),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
