/** A file as few bytes that give back the very same file. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import type { Written } from './elements.js';
import { PackError } from './errors.js';
import { LARGEST, MAGIC, PART, STREAMS } from './format.js';
import { Bytes } from './numbers.js';
import { type Stretch, stretches, written } from './plan.js';

const compressed = promisify(brotliCompress);

export interface PackOptions {
  /** An earlier version of the file, which whoever unpacks has: what is in both is not written again. */
  readonly base?: Uint8Array;
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** What has been written of a part. */
class Part {
  readonly #steps = new Bytes();
  readonly #streams = new Map<number, Bytes>();
  size = 0;

  add({ step, streams }: Written, size: number): void {
    for (const number of step) this.#steps.number(number);
    for (const [name, bytes] of streams) {
      const stream = this.#streams.get(name) ?? new Bytes();
      stream.append(bytes);
      this.#streams.set(name, stream);
    }
    this.size += size;
  }

  async done(): Promise<Uint8Array> {
    const streams = [[STREAMS.steps, this.#steps] as const, ...this.#streams].filter(([, { length }]) => length > 0);
    const packed = await Promise.all(streams.map(([, stream]) => smallest(stream.done())));
    const out = new Bytes();
    out.number(this.size);
    out.number(streams.length);
    streams.forEach(([name, { length }], i) => {
      out.byte(name);
      out.number(length);
      out.number(packed[i]!.length);
    });
    for (const bytes of packed) out.append(bytes);
    return out.done();
  }
}

/** Brotli's form where that is shorter. */
async function smallest(bytes: Uint8Array): Promise<Uint8Array> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const shorter = await compressed(bytes, { params });
  return shorter.length < bytes.length ? shorter : bytes;
}

/** A stretch in pieces that fit into what is left of a part; elements are not cut. */
function* pieces({ from, to, width, base }: Stretch, part: () => Part): Generator<Stretch> {
  for (let at = from; at < to;) {
    const room = PART - part().size;
    const whole = Math.max(1, width ?? 1);
    const length = Math.min(to - at, room - (room % whole));
    // Nothing fits: whoever asked ends the part.
    yield { from: at, to: at + length, width, ...(base && { base: { ...base, at: base.at + at - from } }) };
    at += length;
  }
}

const digest = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** What comes before the parts. */
function head(bytes: Uint8Array, base: Uint8Array | undefined): Uint8Array {
  const out = new Bytes();
  out.append(MAGIC);
  out.number(bytes.length);
  out.append(digest(bytes));
  out.number(base ? base.length + 1 : 0);
  if (base) out.append(digest(base));
  return out.done();
}

/**
 * Any file can be packed; what makes models smaller than brotli alone does is that their tensors are written as streams of bytes that are
 * alike: by significance, as gaps between what is not 0, as differences from the base.
 * @throws PackError `too-large`, `cancelled`
 */
export async function pack(bytes: Uint8Array, options: PackOptions = {}): Promise<Uint8Array> {
  const { base, signal, onProgress } = options;
  if (bytes.length > LARGEST) throw new PackError('too-large', `the file has ${bytes.length} bytes, at most ${LARGEST} can be packed`); // prettier-ignore
  const out = new Bytes();
  out.append(head(bytes, base));
  let part = new Part();
  const end = async (): Promise<void> => {
    if (signal?.aborted) throw new PackError('cancelled', 'packing was cancelled', { cause: signal.reason });
    if (part.size > 0) out.append(await part.done());
    part = new Part();
  };
  for (const stretch of stretches(bytes, base)) {
    for (const piece of pieces(stretch, () => part)) {
      const { from, to } = piece;
      const counterpart = base && piece.base ? base.subarray(piece.base.at, piece.base.at + to - from) : bytes;
      if (to > from) part.add(written(bytes.subarray(from, to), piece, counterpart), to - from);
      onProgress?.(to / bytes.length);
      if (to === from || part.size >= PART) await end();
    }
  }
  await end();
  return out.done().slice();
}
