/** Elements of tensors as streams of bytes that are alike. */
import { LONG_GAP, OP, STREAMS, type Width } from './format.js';
import { Bytes } from './numbers.js';

/** One way to write bytes of a file: the step, and what goes to which stream. */
export interface Written {
  readonly step: readonly number[];
  readonly streams: ReadonlyMap<number, Uint8Array>;
}

/** The bytes of elements by significance. */
function planes(bytes: Uint8Array, width: Width, first: number): Map<number, Uint8Array> {
  const count = bytes.length / width;
  const split = new Map<number, Uint8Array>();
  for (let w = 0; w < width; w++) {
    const plane = new Uint8Array(count);
    for (let i = 0; i < count; i++) plane[i] = bytes[i * width + w]!;
    split.set(first + w, plane);
  }
  return split;
}

export const asPlanes = (bytes: Uint8Array, width: Width): Written => ({
  step: [OP.planes, width, bytes.length],
  streams: planes(bytes, width, STREAMS.elements[width]),
});

/** Lengths of the runs of the common element before each other one, and behind the last. */
class Gaps {
  readonly #bytes = new Bytes();
  #run = 0;
  skip(): void {
    this.#run++;
  }
  #long(): void {
    for (; this.#run >= LONG_GAP; this.#run -= LONG_GAP) this.#bytes.byte(LONG_GAP);
  }
  end(): void {
    this.#long();
    this.#bytes.byte(this.#run);
    this.#run = 0;
  }
  done(): Uint8Array {
    this.#long();
    if (this.#run > 0) this.#bytes.byte(this.#run);
    return this.#bytes.done();
  }
}

function equalAt(bytes: Uint8Array, at: number, element: Uint8Array): boolean {
  for (let w = 0; w < element.length; w++) if (bytes[at + w] !== element[w]) return false;
  return true;
}

/** @param first name of the stream of the others' lowest bytes */
function sparse(bytes: Uint8Array, common: Uint8Array, first: number): Map<number, Uint8Array> {
  const width = common.length as Width;
  const [gaps, others] = [new Gaps(), new Bytes()];
  for (let at = 0; at < bytes.length; at += width) {
    if (equalAt(bytes, at, common)) gaps.skip();
    else {
      gaps.end();
      for (let w = 0; w < width; w++) others.byte(bytes[at + w]!);
    }
  }
  return new Map([[STREAMS.gaps, gaps.done()], ...planes(others.done(), width, first)]);
}

export const asSparse = (bytes: Uint8Array, common: Uint8Array): Written => ({
  step: [OP.sparse, common.length, bytes.length, ...common],
  streams: sparse(bytes, common, STREAMS.between[common.length as Width]),
});

export function halvesOf(bytes: Uint8Array): Uint8Array {
  const halves = new Uint8Array(2 * bytes.length);
  bytes.forEach((byte, i) => {
    halves[2 * i] = byte & 15;
    halves[2 * i + 1] = byte >> 4;
  });
  return halves;
}

export const asNibbles = (bytes: Uint8Array): Written => ({
  step: [OP.nibbles, bytes.length],
  streams: new Map([[STREAMS.nibbles, halvesOf(bytes)]]),
});

export const asSparseNibbles = (bytes: Uint8Array, common: number): Written => ({
  step: [OP.sparseNibbles, bytes.length, common],
  streams: sparse(halvesOf(bytes), Uint8Array.of(common), STREAMS.between[1]),
});

/** a - b of each element, as the whole numbers that its bytes are; what overflows wraps around. */
export function differences(a: Uint8Array, b: Uint8Array, width: Width): Uint8Array {
  const result = new Uint8Array(a.length);
  for (let at = 0; at < a.length; at += width) {
    let borrow = 0;
    for (let w = 0; w < width; w++) {
      const d = a[at + w]! - b[at + w]! - borrow;
      borrow = d < 0 ? 1 : 0;
      result[at + w] = d;
    }
  }
  return result;
}

export function asDifference(bytes: Uint8Array, base: Uint8Array, offset: number, width: Width): Written[] {
  const changed = differences(bytes, base, width);
  const first = STREAMS.differences[width];
  return [
    { step: [OP.difference, width, offset, bytes.length], streams: planes(changed, width, first) },
    {
      step: [OP.sparseDifference, width, offset, bytes.length],
      streams: sparse(changed, new Uint8Array(width), first),
    },
  ];
}

/** The most frequent byte, and its share. */
export function mostFrequent(bytes: Uint8Array): { value: number; share: number } {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte] = counts[byte]! + 1;
  const value = counts.indexOf(counts.reduce((a, b) => Math.max(a, b), 0));
  return { value, share: bytes.length === 0 ? 0 : counts[value]! / bytes.length };
}
