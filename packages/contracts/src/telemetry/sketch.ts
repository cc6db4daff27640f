/**
 * Quantile sketches on the wire. The sketch is DDSketch (Masson, Rim, Lee, VLDB 2019, arXiv:1908.10693) with 1 %
 * relative accuracy, computed by @datadog/sketches-js. Its own protobuf form lets a hostile sender name any bin index and
 * so make the reader allocate without bound; this form bounds both the range and the number of bins.
 *
 * Layout, little-endian: u8 version = 1; f64 min, max, sum, zeroCount; then for the positive and the negative store:
 * i16 first bin index, u16 number of bins, one u32 count a bin.
 */
import sketches from '@datadog/sketches-js';

const { DDSketch } = sketches;
export type Sketch = InstanceType<typeof DDSketch>;

const VERSION = 1;
const RELATIVE_ACCURACY = 0.01;
const HEADER_BYTES = 1 + 4 * 8;
/** ln(1.8e308) / ln(gamma) is about 35,500; indices beyond +-32,767 cannot come from a finite double of interest. */
const MAX_BINS = 4096;

export class SketchError extends Error {
  readonly code = 'SKETCH_MALFORMED';
  constructor(detail: string) {
    super(`malformed sketch: ${detail}`);
    this.name = 'SketchError';
  }
}

export function createSketch(): Sketch {
  return new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
}

interface Bins {
  readonly first: number;
  readonly counts: readonly number[];
}

function binsOf(store: Sketch['store']): Bins {
  const counts = store.bins;
  let from = 0;
  let to = counts.length;
  while (from < to && !counts[from]) from++;
  while (to > from && !counts[to - 1]) to--;
  // Collapse the lowest bins into one, as the paper's section 2.2 does: the tail is what latency is watched for.
  const kept = Math.max(from, to - MAX_BINS);
  const bins = counts.slice(kept, to);
  for (; from < kept; from++) bins[0]! += counts[from]!;
  return { first: bins.length === 0 ? 0 : store.offset + kept, counts: bins };
}

export function encodeSketch(sketch: Sketch): Uint8Array {
  const stores = [binsOf(sketch.store), binsOf(sketch.negativeStore)];
  const bytes = new Uint8Array(HEADER_BYTES + stores.reduce((sum, s) => sum + 4 + 4 * s.counts.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setFloat64(1, sketch.min, true);
  view.setFloat64(9, sketch.max, true);
  view.setFloat64(17, sketch.sum, true);
  view.setFloat64(25, sketch.zeroCount, true);
  let at = HEADER_BYTES;
  for (const store of stores) {
    view.setInt16(at, store.first, true);
    view.setUint16(at + 2, store.counts.length, true);
    at += 4;
    for (const count of store.counts) {
      view.setUint32(at, count, true);
      at += 4;
    }
  }
  return bytes;
}

/** @throws SketchError for anything that `encodeSketch` did not write */
export function decodeSketch(bytes: Uint8Array): Sketch {
  if (bytes.length < HEADER_BYTES + 8)
    throw new SketchError(`${bytes.length} bytes, expected at least ${HEADER_BYTES + 8}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== VERSION) throw new SketchError(`version ${view.getUint8(0)}, expected ${VERSION}`);
  const sketch = createSketch();
  const zeroCount = view.getFloat64(25, true);
  if (!Number.isFinite(zeroCount) || zeroCount < 0) throw new SketchError('zero count is not a count');
  let at = HEADER_BYTES;
  let count = zeroCount;
  for (const store of [sketch.store, sketch.negativeStore]) {
    if (at + 4 > bytes.length) throw new SketchError('truncated');
    const first = view.getInt16(at, true);
    const length = view.getUint16(at + 2, true);
    at += 4;
    if (length > MAX_BINS) throw new SketchError(`${length} bins, expected at most ${MAX_BINS}`);
    if (at + 4 * length > bytes.length) throw new SketchError('truncated');
    for (let i = 0; i < length; i++, at += 4) {
      const weight = view.getUint32(at, true);
      if (weight > 0) store.add(first + i, weight);
      count += weight;
    }
  }
  if (at !== bytes.length) throw new SketchError(`${bytes.length - at} bytes after the end`);
  sketch.zeroCount = zeroCount;
  sketch.count = count;
  sketch.min = view.getFloat64(1, true);
  sketch.max = view.getFloat64(9, true);
  sketch.sum = view.getFloat64(17, true);
  return sketch;
}

/** Quantile of a sketch, null when it is empty. */
export function quantile(sketch: Sketch, q: number): number | null {
  return sketch.count > 0 ? sketch.getValueAtQuantile(q) : null;
}
