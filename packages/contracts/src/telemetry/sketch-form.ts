/**
 * The bytes of a quantile sketch, read without building the sketch: what a reader of many sketches needs.
 *
 * Layout, little-endian: u8 version; f64 min, max, sum, zeroCount; then for the positive and the negative store:
 * i16 first bin index, u16 number of bins, one count a bin. Version 1 has u32 counts: devices send it. Version 2 has f64
 * counts: sums over a fleet need them, and only the control plane writes it.
 */
import sketches from '@datadog/sketches-js';

const { DDSketch } = sketches;
export type Sketch = InstanceType<typeof DDSketch>;

const RELATIVE_ACCURACY = 0.01;
export const HEADER_BYTES = 1 + 4 * 8;
export const MAX_BINS = 4096;
/** Bins beyond this stand for values that a double does not hold. */
const LAST_BIN = 35_000;

export function createSketch(): Sketch {
  return new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
}

export class SketchError extends Error {
  readonly code = 'SKETCH_MALFORMED';
  constructor(detail: string) {
    super(`malformed sketch: ${detail}`);
    this.name = 'SketchError';
  }
}

export interface BinsView {
  readonly first: number;
  readonly length: number;
  readonly total: number;
  count(i: number): number;
}

export interface SketchView {
  readonly count: number;
  readonly zeroCount: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly positive: BinsView;
  readonly negative: BinsView;
}

export type SketchVersion = 1 | 2;
const countBytes: Record<SketchVersion, number> = { 1: 4, 2: 8 };

/** @throws SketchError for anything that no writer of this form wrote */
export function readSketch(bytes: Uint8Array, versions: readonly SketchVersion[] = [1]): SketchView {
  if (bytes.length < HEADER_BYTES + 8)
    throw new SketchError(`${bytes.length} bytes, expected at least ${HEADER_BYTES + 8}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = versions.find((known) => known === view.getUint8(0));
  if (version === undefined) throw new SketchError(`version ${view.getUint8(0)}, expected ${versions.join(' or ')}`);
  const [min, max, sum] = [view.getFloat64(1, true), view.getFloat64(9, true), view.getFloat64(17, true)];
  const zeroCount = view.getFloat64(25, true);
  if (!isCount(zeroCount)) throw new SketchError('zero count is not a count');
  const positive = readBins(view, HEADER_BYTES, version);
  const negative = readBins(view, HEADER_BYTES + 4 + positive.length * countBytes[version], version);
  const end = HEADER_BYTES + 8 + (positive.length + negative.length) * countBytes[version];
  if (end !== bytes.length) throw new SketchError(`${bytes.length - end} bytes after the end`);
  const count = zeroCount + positive.total + negative.total;
  if (!isCount(count)) throw new SketchError('more values than can be counted');
  if (count > 0 && !(Number.isFinite(min) && Number.isFinite(max) && Number.isFinite(sum) && min <= max)) {
    throw new SketchError('its least and greatest value and its sum are not finite numbers in order');
  }
  return { count, zeroCount, min, max, sum, positive, negative };
}

function readBins(view: DataView, at: number, version: SketchVersion): BinsView {
  if (at + 4 > view.byteLength) throw new SketchError('truncated');
  const first = view.getInt16(at, true);
  const length = view.getUint16(at + 2, true);
  const from = at + 4;
  if (length > MAX_BINS) throw new SketchError(`${length} bins, expected at most ${MAX_BINS}`);
  if (first + length > LAST_BIN) throw new SketchError(`bin ${first + length}, expected at most ${LAST_BIN}`);
  if (from + countBytes[version] * length > view.byteLength) throw new SketchError('truncated');
  const count =
    version === 1
      ? (i: number) => view.getUint32(from + 4 * i, true)
      : (i: number) => view.getFloat64(from + 8 * i, true);
  let total = 0;
  for (let i = 0; i < length; i++) {
    const weight = count(i);
    if (version === 2 && !isCount(weight)) throw new SketchError('a bin does not hold a count');
    total += weight;
  }
  return { first, length, total, count };
}

function isCount(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER && (value === 0 || Number.isInteger(value));
}
