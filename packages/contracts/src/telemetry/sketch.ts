/**
 * Quantile sketches on the wire. The sketch is DDSketch (Masson, Rim, Lee, VLDB 2019, arXiv:1908.10693) with 1 %
 * relative accuracy, computed by @datadog/sketches-js. Its own protobuf form lets a hostile sender name any bin index and
 * so make the reader allocate without bound; this form bounds both the range and the number of bins.
 */
import { createSketch, HEADER_BYTES, MAX_BINS, readSketch, type Sketch } from './sketch-form.js';

export { createSketch, readSketch, SketchError, type Sketch } from './sketch-form.js';
export { SketchSum } from './sketch-sum.js';

const VERSION = 1;

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
  // So are bins that an i16 does not name: values below 1e-284.
  const kept = Math.min(to, Math.max(from, to - MAX_BINS, -32_768 - store.offset));
  const bins = counts.slice(kept, to);
  if (kept === to && from < to) bins.push(0);
  for (; from < kept; from++) bins[0]! += counts[from]!;
  return { first: bins.length === 0 ? 0 : Math.max(-32_768, store.offset + kept), counts: bins };
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
  const view = readSketch(bytes);
  const sketch = createSketch();
  for (const [store, bins] of [
    [sketch.store, view.positive],
    [sketch.negativeStore, view.negative],
  ] as const) {
    for (let i = 0; i < bins.length; i++) {
      const weight = bins.count(i);
      if (weight > 0) store.add(bins.first + i, weight);
    }
  }
  const { zeroCount, count, min, max, sum } = view;
  return Object.assign(sketch, { zeroCount, count, min, max, sum });
}

/** Quantile of a sketch, null when it is empty. */
export function quantile(sketch: Sketch, q: number): number | null {
  return sketch.count > 0 ? sketch.getValueAtQuantile(q) : null;
}
