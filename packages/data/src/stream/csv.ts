/** CSV read by position: one pass finds where each row lies and what its label is. */
import { DataError } from '../errors.js';
import { eachCsvSample, featuresOf, type CsvLayout } from '../readers/csv.js';
import { CsvSplitter } from '../readers/csv-text.js';
import { GrowingNumbers } from '../readers/grow.js';
import { LabelIndex } from '../readers/labels.js';
import { UnreadableRows, type OpenOptions } from '../readers/options.js';
import { PositionalFile } from './file.js';
import type { RawSource } from './raw-source.js';

/** Rows that lie closer together than this are read together. */
const gapBytes = 16 * 1024;
const readBytes = 1024 * 1024;

interface Index {
  readonly layout: CsvLayout;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly y: Int32Array;
  readonly labels: string[];
}

async function indexRows(file: string, path: string, options: OpenOptions, unreadable: UnreadableRows): Promise<Index> {
  const starts = new GrowingNumbers();
  const ends = new GrowingNumbers();
  const classes = new LabelIndex();
  const layout = await eachCsvSample(file, path, { options, unreadable }, (row, label) => {
    starts.push(row.start);
    ends.push(row.end);
    classes.add(label);
  });
  return { layout, starts: starts.take(), ends: ends.take(), ...classes.take() };
}

async function readRows(
  file: PositionalFile,
  { layout, starts, ends }: Index,
  delimiter: string,
  indices: ArrayLike<number>,
): Promise<Float32Array> {
  const width = layout.width - 1;
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
      const splitter = new CsvSplitter(delimiter);
      const text = bytes.toString('latin1', startOf(k) - start, endOf(k) - start);
      const [row] = [...splitter.push(text), ...splitter.end()];
      if (row?.cells.length !== layout.width)
        throw new DataError('malformed', `'${file.path}' has changed since it was opened`);
      out.set(featuresOf(row.cells, layout), (order[k] as number) * width);
    }
    from = to;
  }
  return out;
}

export async function openCsv(path: string, options: OpenOptions): Promise<RawSource> {
  const file = await PositionalFile.open(path, options.maxUnpackedBytes);
  try {
    const unreadable = new UnreadableRows(path, options.maxUnreadable);
    const delimiter = options.delimiter ?? (await separatorOf(file));
    const index = await indexRows(file.location, path, { ...options, delimiter }, unreadable);
    return {
      shape: [index.layout.width - 1],
      dtype: 'float32',
      y: index.y,
      labels: index.labels,
      unreadable: unreadable.summary,
      rows: async (indices) => ({ x: await readRows(file, index, delimiter, indices) }),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The separator that the first row shows. */
async function separatorOf(file: PositionalFile): Promise<',' | ';' | '\t'> {
  const splitter = new CsvSplitter();
  splitter.push(Buffer.from(await file.read(0, Math.min(file.size, 65_536))).toString('latin1'));
  return splitter.separator as ',' | ';' | '\t';
}
