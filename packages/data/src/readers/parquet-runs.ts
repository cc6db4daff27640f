/**
 * Runs of levels and of dictionary indices, checked before hyparquet decodes them: it repeats a value as often as a run says, up to
 * 2^31 times, whatever the page has room for (Parquet format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
 */

/** A bit-packed run is filled up to a multiple of 8 values, and writers reserve one byte for its length: 63 groups of 8. */
const PADDING = 504;

/**
 * @param bytes that the runs lie in, from `offset` to `end`
 * @param width bits of a value
 * @param wanted values that the page has; runs behind them are not looked at
 * @throws RangeError for a run of more values than that
 */
export function checkRuns(bytes: Uint8Array, offset: number, end: number, width: number, wanted: number): void {
  let at = offset;
  for (let seen = 0; seen < wanted && at < end;) {
    let [header, shift] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      header += (byte & 0x7f) * shift;
      if ((byte & 0x80) === 0 || at >= end) break;
      shift *= 128;
    }
    const packed = header % 2 === 1;
    const count = packed ? (header - 1) * 4 : header / 2;
    if (!(count <= wanted + PADDING)) throw new RangeError(`a run of ${count} values in a page of ${wanted}`);
    at += packed ? Math.ceil((count * width) / 8) : Math.ceil(width / 8);
    seen += count;
  }
}

/** Bits that levels up to `most` take. */
export const bitsOf = (most: number): number => 32 - Math.clz32(most);
