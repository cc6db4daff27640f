/** Rows of one size, one after the other in a file: what IDX, NPY and stored NPZ are. */
import { decodeElements, elementBytes, isByteType } from '../readers/elements.js';
import type { Elements } from '../samples.js';
import type { PositionalFile } from './file.js';
import { elementsOf } from './raw-source.js';

/** Rows further apart than this are read one by one: skipping is cheaper than reading what lies between. */
const gapBytes = 16 * 1024;
/** Most that one read takes. */
const readBytes = 1024 * 1024;

export interface FixedRows {
  readonly file: PositionalFile;
  /** Where the first row begins. */
  readonly start: number;
  readonly descr: string;
  /** Elements of one row. */
  readonly width: number;
}

export const dtypeOfDescr = (descr: string): 'uint8' | 'float32' => (isByteType(descr) ? 'uint8' : 'float32');

/** The rows at `indices`, in that order; neighbours are read together. */
export async function readFixedRows(rows: FixedRows, indices: ArrayLike<number>): Promise<Elements> {
  const { file, start, descr, width } = rows;
  const rowBytes = width * (elementBytes(descr) as number);
  const out = elementsOf(dtypeOfDescr(descr), indices.length * width);
  const order = Uint32Array.from({ length: indices.length }, (_, i) => i);
  order.sort((a, b) => (indices[a] as number) - (indices[b] as number));
  for (let from = 0; from < order.length;) {
    const first = indices[order[from] as number] as number;
    let last = first;
    let to = from + 1;
    for (; to < order.length; to++) {
      const next = indices[order[to] as number] as number;
      const gap = (next - last - 1) * rowBytes;
      if (gap > gapBytes || (next - first + 1) * rowBytes > readBytes) break;
      last = next;
    }
    const bytes = await file.read(start + first * rowBytes, (last - first + 1) * rowBytes);
    for (let k = from; k < to; k++) {
      const place = order[k] as number;
      const at = ((indices[place] as number) - first) * rowBytes;
      out.set(decodeElements(bytes.subarray(at, at + rowBytes), descr, width), place * width);
    }
    from = to;
  }
  return out;
}
