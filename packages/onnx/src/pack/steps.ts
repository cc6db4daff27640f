/** The steps of a part: each makes the next bytes of the file. */
import { damaged } from './errors.js';
import { LONG_GAP, OP, PART, STREAMS, type Width, WIDTHS } from './format.js';
import type { BaseReader } from './input.js';
import { Cursor } from './numbers.js';

/** The streams of a part, each read once from its beginning to its end. */
export class Streams {
  readonly #cursors: ReadonlyMap<number, Cursor>;
  constructor(streams: ReadonlyMap<number, Uint8Array>) {
    this.#cursors = new Map([...streams].map(([name, bytes]) => [name, new Cursor(bytes, `stream ${name}`)]));
  }

  of(name: number): Cursor {
    return this.#cursors.get(name) ?? damaged(`there is no stream ${name}`);
  }

  /** @throws PackError `damaged` where something was not read */
  finish(): void {
    for (const [name, { left }] of this.#cursors) if (left > 0) damaged(`${left} bytes of stream ${name} are left`);
  }
}

class Work {
  readonly out: Uint8Array;
  #at = 0;
  readonly #steps: Cursor;

  constructor(
    private readonly streams: Streams,
    size: number,
    private readonly base: BaseReader,
  ) {
    this.out = new Uint8Array(size);
    this.#steps = streams.of(STREAMS.steps);
  }

  get done(): boolean {
    return this.#at === this.out.length;
  }

  /** The place of the next bytes: so many as the step says. */
  #next(width = 1): Uint8Array {
    const length = this.#steps.number(this.out.length - this.#at);
    if (length === 0 || length % width !== 0) damaged(`a step makes ${length} bytes of elements of ${width}`);
    return this.out.subarray(this.#at, (this.#at += length));
  }

  #width(): Width {
    const width = this.#steps.number(8);
    return WIDTHS.includes(width) ? (width as Width) : damaged(`elements of ${width} bytes`);
  }

  #planes(to: Uint8Array, width: Width, first: number): void {
    for (let w = 0; w < width; w++) {
      const plane = this.streams.of(first + w).take(to.length / width);
      for (let i = 0; i < plane.length; i++) to[i * width + w] = plane[i]!;
    }
  }

  /** Calls `put` with the index of each element that is not the common one. */
  #gaps(count: number, put: (index: number) => void): void {
    const gaps = this.streams.of(STREAMS.gaps);
    for (let at = 0; at < count;) {
      const gap = gaps.byte();
      at += gap;
      if (at > count) damaged('a gap leads out of its tensor');
      if (gap < LONG_GAP && at < count) put(at++);
    }
  }

  #sparse(to: Uint8Array, width: Width, common: Uint8Array, first: number): void {
    for (let at = 0; at < to.length; at += width) to.set(common, at);
    const planes = Array.from({ length: width }, (_, w) => first + w);
    // A tensor of the common element alone has no stream of others.
    this.#gaps(to.length / width, (i) =>
      planes.forEach((name, w) => (to[i * width + w] = this.streams.of(name).byte())),
    );
  }

  #nibbles(to: Uint8Array): void {
    const halves = this.streams.of(STREAMS.nibbles).take(2 * to.length);
    for (let i = 0; i < to.length; i++) {
      const [low, high] = [halves[2 * i]!, halves[2 * i + 1]!];
      if ((low | high) > 15) damaged('half a byte above 15');
      to[i] = low | (high << 4);
    }
  }

  #sparseNibbles(to: Uint8Array, common: number): void {
    to.fill(common * 17);
    this.#gaps(2 * to.length, (i) => {
      const half = this.streams.of(STREAMS.between[1]).byte();
      if (half > 15) damaged('half a byte above 15');
      const byte = to[i >> 1]!;
      to[i >> 1] = i % 2 === 0 ? (byte & 240) | half : (byte & 15) | (half << 4);
    });
  }

  /** The base's bytes that a step begins at; its length comes from the step after. */
  #baseAt(): number {
    return this.#steps.number(this.base.bytes);
  }

  /** Calls `put` with bytes of the base: at once where they are in memory. */
  #ofBase(at: number, length: number, put: (bytes: Uint8Array) => void): void | Promise<void> {
    if (at + length > this.base.bytes) damaged('a step reads behind the end of the base');
    const bytes = this.base.read(at, length);
    if (bytes instanceof Uint8Array) return put(bytes);
    return bytes.then(put);
  }

  /** One step; a promise where it waits for the base. */
  step(): void | Promise<void> {
    const steps = this.#steps;
    const op = steps.byte();
    if (op === OP.plain) {
      const to = this.#next();
      to.set(this.streams.of(STREAMS.plain).take(to.length));
    } else if (op === OP.planes) {
      const width = this.#width();
      this.#planes(this.#next(width), width, STREAMS.elements[width]);
    } else if (op === OP.sparse) {
      const width = this.#width();
      const to = this.#next(width);
      this.#sparse(
        to,
        width,
        Uint8Array.from({ length: width }, () => steps.number(255)),
        STREAMS.between[width],
      );
    } else if (op === OP.nibbles) this.#nibbles(this.#next());
    else if (op === OP.sparseNibbles) {
      const to = this.#next();
      this.#sparseNibbles(to, steps.number(15));
    } else return this.#withBase(op);
  }

  #withBase(op: number): void | Promise<void> {
    if (op === OP.copy) {
      const at = this.#baseAt();
      const to = this.#next();
      return this.#ofBase(at, to.length, (bytes) => to.set(bytes));
    }
    if (op !== OP.difference && op !== OP.sparseDifference) damaged(`there is no step ${op}`);
    const width = this.#width();
    const at = this.#baseAt();
    const to = this.#next(width);
    const first = STREAMS.differences[width];
    if (op === OP.difference) this.#planes(to, width, first);
    else this.#sparse(to, width, new Uint8Array(width), first);
    return this.#ofBase(at, to.length, (bytes) => addTo(to, bytes, width));
  }
}

/** Adds the base's elements to the differences that stand there. */
function addTo(to: Uint8Array, base: Uint8Array, width: Width): void {
  for (let i = 0; i < to.length; i += width) {
    let carry = 0;
    for (let w = i; w < i + width; w++) {
      const sum = to[w]! + base[w]! + carry;
      carry = sum >> 8;
      to[w] = sum;
    }
  }
}

/**
 * @param size of the part, at most `PART`
 * @param goOn looked at whenever a step has waited for the base: throws to stop
 */
export async function carryOut(
  streams: Streams,
  size: number,
  base: BaseReader,
  goOn: () => void,
): Promise<Uint8Array> {
  const work = new Work(streams, Math.min(size, PART), base);
  while (!work.done) {
    const waits = work.step();
    if (waits === undefined) continue;
    await waits;
    goOn();
  }
  streams.finish();
  return work.out;
}
