/**
 * Adds up many encoded sketches, bin by bin, without building each. `DDSketch.merge` of the library leaves the bins of
 * negative values out; this does not.
 */
import { createSketch, HEADER_BYTES, MAX_BINS, readSketch, type BinsView } from './sketch-form.js';

const { mapping } = createSketch();
const MOST_U32 = 0xffff_ffff;
/** So many bins are made room for on either side at once. */
const SPARE = 64;

class Bins {
  private first = 0;
  private counts = new Float64Array(0);
  total = 0;

  add(view: BinsView): void {
    if (view.total === 0) return;
    this.reach(view.first, view.first + view.length);
    const shift = view.first - this.first;
    for (let i = 0; i < view.length; i++) this.counts[shift + i]! += view.count(i);
    this.total += view.total;
  }

  private reach(from: number, to: number): void {
    const end = this.first + this.counts.length;
    if (this.counts.length > 0 && from >= this.first && to <= end) return;
    const [low, high] = this.counts.length === 0 ? [from, to] : [Math.min(from, this.first), Math.max(to, end)];
    const wider = new Float64Array(high - low + 2 * SPARE);
    wider.set(this.counts, this.counts.length === 0 ? 0 : this.first - low + SPARE);
    this.first = low - SPARE;
    this.counts = wider;
  }

  /** The lowest key up to which the values are `enough`; the highest when they never are. */
  keyWhere(enough: (passed: number) => boolean): number {
    let passed = 0;
    let last = 0;
    for (let i = 0; i < this.counts.length; i++) {
      if (this.counts[i] === 0) continue;
      passed += this.counts[i]!;
      last = this.first + i;
      if (enough(passed)) return last;
    }
    return last;
  }

  /** Without empty bins at its ends, the lowest collapsed into one beyond `MAX_BINS` (section 2.2 of the paper). */
  trimmed(): { first: number; counts: Float64Array } {
    let from = 0;
    let to = this.counts.length;
    while (from < to && this.counts[from] === 0) from++;
    while (to > from && this.counts[to - 1] === 0) to--;
    const kept = Math.max(from, to - MAX_BINS);
    const counts = this.counts.slice(kept, to);
    for (; from < kept; from++) counts[0]! += this.counts[from]!;
    return { first: counts.length === 0 ? 0 : this.first + kept, counts };
  }
}

export class SketchSum {
  private readonly positive = new Bins();
  private readonly negative = new Bins();
  private zeroCount = 0;
  private min = Infinity;
  private max = -Infinity;
  private sum = 0;

  /** An empty byte string is an empty sketch. @throws SketchError */
  add(bytes: Uint8Array): this {
    if (bytes.length === 0) return this;
    const view = readSketch(bytes, [1, 2]);
    if (view.count === 0) return this;
    this.positive.add(view.positive);
    this.negative.add(view.negative);
    this.zeroCount += view.zeroCount;
    this.min = Math.min(this.min, view.min);
    this.max = Math.max(this.max, view.max);
    this.sum += view.sum;
    return this;
  }

  get count(): number {
    return this.zeroCount + this.positive.total + this.negative.total;
  }

  /** Null when no value was added. As `DDSketch.getValueAtQuantile`. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    const rank = q * (this.count - 1);
    const below = this.negative.total;
    // Of the negative values the one with the highest key is the least.
    if (rank < below) return -mapping.value(this.negative.keyWhere((passed) => passed >= below - rank));
    if (rank < below + this.zeroCount) return 0;
    return mapping.value(this.positive.keyWhere((passed) => passed > rank - below - this.zeroCount));
  }

  /** Empty when no value was added; version 1 while its counts fit. */
  encode(): Uint8Array {
    if (this.count === 0) return new Uint8Array(0);
    const stores = [this.positive.trimmed(), this.negative.trimmed()];
    const wide = stores.some(({ counts }) => counts.some((count) => count > MOST_U32));
    const width = wide ? 8 : 4;
    const bytes = new Uint8Array(HEADER_BYTES + stores.reduce((all, { counts }) => all + 4 + width * counts.length, 0));
    const view = new DataView(bytes.buffer);
    view.setUint8(0, wide ? 2 : 1);
    for (const [i, value] of [this.min, this.max, this.sum, this.zeroCount].entries()) {
      view.setFloat64(1 + 8 * i, value, true);
    }
    let at = HEADER_BYTES;
    for (const { first, counts } of stores) {
      view.setInt16(at, first, true);
      view.setUint16(at + 2, counts.length, true);
      at += 4;
      for (const count of counts) {
        if (wide) view.setFloat64(at, count, true);
        else view.setUint32(at, count, true);
        at += width;
      }
    }
    return bytes;
  }
}
