/** Samples that are read a few at a time: a data set may be larger than memory. */
import type { DatasetFormat, Preprocess } from '@verge/contracts';
import { DataError } from '../errors.js';
import { formats } from '../formats.js';
import { layoutKnown, layoutPipeline, type SampleLayout } from '../layout.js';
import { locate } from '../locate.js';
import { preprocessRows } from '../preprocess/rows.js';
import { readRaw } from '../read-raw.js';
import type { OpenOptions } from '../readers/options.js';
import { rowsAt, type Part, type Samples, type Targets, type UnreadableRow } from '../samples.js';
import { inMemory } from './collect.js';
import type { RawSource } from './raw-source.js';

/** Samples as `Samples` has them, and where in the source they stand. */
export interface Batch extends Omit<Samples, 'inputs'> {
  readonly indices: Uint32Array;
}

/** A run of samples: `from` (inclusive) to `to` (exclusive). */
export interface SampleRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A data set of which only the labels are in memory. `splitIndices` takes it as it takes a data set in memory.
 */
export interface Source {
  readonly name: string;
  readonly format: DatasetFormat;
  readonly count: number;
  /** Shape of one sample, preprocessed. */
  readonly shape: readonly number[];
  /** See `Samples.layout`. */
  readonly layout?: SampleLayout;
  readonly dtype: 'uint8' | 'float32';
  /** Class index of each sample, into `labels`. */
  readonly y: Int32Array;
  readonly labels: readonly string[];
  /** See `Samples.targets`; of all samples. */
  readonly targets?: Targets;
  /** Steps of each sample before padding, where the samples are series that were padded. */
  readonly lengths?: Int32Array;
  /** Missing values filled so far. */
  readonly filled: number | undefined;
  /** See `Dataset.notes`. */
  readonly notes?: readonly string[];
  readonly parts?: readonly Part[];
  readonly groups?: Int32Array;
  readonly split?: string;
  /**
   * Samples that lie side by side and are decoded together, such as a row group: an order that keeps them together reads
   * each once. Absent where any order is as good.
   */
  readonly block?: number;
  /** Rows left out so far. Images and recordings show that they cannot be decoded only when they are read. */
  readonly unreadable: { readonly count: number; readonly rows: readonly UnreadableRow[] };
  /**
   * Reads the samples at `indices` in that order, or a range of them. A sample that turns out to be unreadable is
   * counted and left out of the batch while `maxUnreadable` allows it.
   * @throws DataError `bad-setting` for an index that does not exist, `unreadable-rows`, `malformed`
   */
  read(which: ArrayLike<number> | SampleRange): Promise<Batch>;
  /** Closes files, and removes temporary ones. */
  close(): Promise<void>;
}

function indicesOf(which: ArrayLike<number> | SampleRange, count: number): Uint32Array {
  const range = 'from' in which ? which : null;
  const wanted = range
    ? Array.from({ length: Math.max(0, range.to - range.from) }, (_, i) => range.from + i)
    : Array.from(which as ArrayLike<number>);
  const bad = wanted.find((index) => !Number.isInteger(index) || index < 0 || index >= count);
  if (bad !== undefined) throw new DataError('bad-setting', `sample ${bad} does not exist; there are ${count}`);
  return Uint32Array.from(wanted);
}

async function readBatch(
  raw: RawSource,
  indices: Uint32Array,
  options: OpenOptions,
  pipeline: Preprocess | undefined,
): Promise<Omit<Batch, 'name'>> {
  options.signal?.throwIfAborted();
  const block = await raw.rows(indices);
  raw.check?.();
  const kept = block.kept ? Uint32Array.from(block.kept, (place) => indices[place] as number) : indices;
  const { lengths } = raw;
  return {
    indices: kept,
    x: pipeline ? preprocessRows(pipeline, block.x, raw.shape, options.signal) : block.x,
    shape: pipeline?.output.shape ?? raw.shape,
    y: Int32Array.from(kept, (index) => raw.y[index] as number),
    labels: raw.labels,
    ...(raw.targets && { targets: rowsAt(raw.targets, raw.targets.length / raw.y.length, kept) }),
    ...(lengths && { lengths: Int32Array.from(kept, (index) => lengths[index] as number) }),
  };
}

/**
 * Opens a data set as `openDataset` does, with its options, but leaves the samples where they are. IDX, NPY, stored NPZ,
 * CSV and Parquet are read by position, images and recordings are decoded when they are asked for; what is packed as a whole
 * (gzip, deflated NPZ) is unpacked to a temporary file; `.ts` series, and series cut into windows, are read into memory.
 * @throws DataError as `openDataset`
 */
export async function openSource(path: string, given: OpenOptions = {}): Promise<Source> {
  const located = await locate(path, given);
  const { file, isFolder, format, options, name, split } = located;
  if (Object.keys(options.inputs ?? {}).length > 0)
    throw new DataError('bad-setting', 'inputs: samples of several inputs are read into memory, not a few at a time');
  const raw = options.window ? inMemory(await readRaw(located)) : await formats[format].open(file, isFolder, options);
  const pipeline = raw.finished ? undefined : (layoutPipeline(options, raw.shape, raw.dtype) ?? options.preprocess);
  const layout = layoutKnown(options, raw.layout);
  const { y, labels, lengths, parts } = raw;
  const shape = pipeline?.output.shape ?? raw.shape;
  const keepsLengths = lengths && shape.includes(raw.shape[0] as number);
  return {
    name,
    format,
    count: y.length,
    shape,
    ...(layout && { layout }),
    dtype: pipeline?.output.dtype ?? raw.dtype,
    y,
    labels,
    ...(raw.targets && { targets: raw.targets }),
    ...(keepsLengths && { lengths }),
    ...(raw.notes && raw.notes.length > 0 && { notes: raw.notes }),
    ...(parts && { parts }),
    ...(raw.groups && { groups: raw.groups }),
    ...(raw.block !== undefined && { block: raw.block }),
    ...(split !== undefined && { split }),
    get unreadable() {
      return raw.unreadable;
    },
    get filled() {
      return raw.filled;
    },
    read: async (which) => {
      const { lengths: found, ...batch } = await readBatch(raw, indicesOf(which, y.length), options, pipeline);
      return { ...batch, name, ...(keepsLengths && found && { lengths: found }) };
    },
    close: () => raw.close(),
  };
}

/**
 * Batches of a source in the given order; the next is read while the last is worked on. The last batch may be smaller.
 * @param indices which samples, in which order; all when absent
 */
export async function* batchesOf(
  source: Source,
  size: number,
  indices: ArrayLike<number> = Uint32Array.from({ length: source.count }, (_, i) => i),
): AsyncGenerator<Batch> {
  const order = Uint32Array.from(indices);
  const next = (from: number): Promise<Batch> | null =>
    from < order.length ? source.read(order.subarray(from, from + size)) : null;
  let ahead = next(0);
  try {
    for (let from = size; ahead; from += size) {
      const batch = await ahead;
      ahead = next(from);
      // Whoever awaits it next sees the error; until then it must not count as unhandled.
      ahead?.catch(() => undefined);
      yield batch;
    }
  } finally {
    await ahead?.catch(() => undefined);
  }
}
