/** A source read to its end, and a data set in memory as a source. */
import type { DatasetFormat } from '@verge/contracts';
import { defaultMaxBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import type { OpenOptions } from '../readers/options.js';
import type { RawDataset } from '../readers/raw.js';
import { rowsAt } from '../samples.js';
import { elementsOf, sizeOf, type RawSource } from './raw-source.js';

/** Rows that are asked for at a time. */
const step = 64;

/** @throws DataError `too-large`, `unreadable-rows` */
export async function collect(
  path: string,
  format: DatasetFormat,
  source: RawSource,
  options: OpenOptions,
): Promise<RawDataset> {
  try {
    const { shape, layout, dtype, labels, targets, parts, groups, lengths, finished, notes } = source;
    const count = source.y.length;
    const width = sizeOf(shape);
    const maxBytes = options.maxBytes ?? defaultMaxBytes;
    if (count * width * (dtype === 'uint8' ? 1 : 4) > maxBytes)
      throw new DataError('too-large', `'${path}' needs more than ${maxBytes} bytes as tensors`);
    const x = elementsOf(dtype, count * width);
    const kept: number[] = [];
    for (let from = 0; from < count; from += step) {
      options.signal?.throwIfAborted();
      const indices = Array.from({ length: Math.min(step, count - from) }, (_, i) => from + i);
      const block = await source.rows(indices);
      x.set(block.x, kept.length * width);
      kept.push(...(block.kept ? block.kept.map((i) => indices[i] as number) : indices));
    }
    source.check?.();
    const all = kept.length === count;
    return {
      kind: 'arrays',
      format,
      x: all ? x : x.slice(0, kept.length * width),
      shape: [...shape],
      ...(layout && { layout }),
      y: all ? source.y : Int32Array.from(kept, (i) => source.y[i] as number),
      labels: [...labels],
      unreadable: source.unreadable,
      ...(targets && { targets: rowsAt(targets, targets.length / count, kept) }),
      ...(lengths && { lengths: Int32Array.from(kept, (i) => lengths[i] as number) }),
      ...(source.filled !== undefined && { filled: source.filled }),
      ...(notes && { notes }),
      ...(groups && { groups: Int32Array.from(kept, (i) => groups[i] as number) }),
      ...(parts && { parts: kept.map((i) => parts[i] ?? 'train') }),
      ...(finished && { finished }),
    };
  } finally {
    await source.close();
  }
}

/** For formats that have no way to their rows but reading everything. */
export function inMemory(raw: RawDataset): RawSource {
  const width = sizeOf(raw.shape);
  const dtype = raw.x instanceof Uint8Array ? 'uint8' : 'float32';
  return {
    ...raw,
    dtype,
    unreadable: raw.unreadable ?? { count: 0, rows: [] },
    rows: async (indices) => {
      const x = elementsOf(dtype, indices.length * width);
      for (let i = 0; i < indices.length; i++) {
        const from = (indices[i] as number) * width;
        x.set(raw.x.subarray(from, from + width), i * width);
      }
      return { x };
    },
    close: async () => undefined,
  };
}
