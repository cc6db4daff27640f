/** How each stretch of a file is written: of several ways the one that brotli makes smallest. */
import { brotliCompressSync, constants } from 'node:zlib';
import {
  asDifference,
  asNibbles,
  asPlanes,
  asSparse,
  asSparseNibbles,
  halvesOf,
  mostFrequent,
  type Written,
} from './elements.js';
import { OP, STREAMS, type Width } from './format.js';
import { BaseIndex } from './matches.js';
import { type TensorPlace, tensorPlaces } from './tensors.js';

/** A stretch of the file, and its counterpart in the base where it has one. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Bytes of an element, 0.5 for halves; null where the bytes are no elements. */
  readonly width: number | null;
  /** Where the same elements, or the very same bytes, are in the base. */
  readonly base?: { readonly at: number; readonly equal: boolean };
}

/** Ways are compared on so many bytes at the beginning. */
const TRIAL = 2 ** 17;
/** Below this share of common elements gaps are not tried. */
const SPARSE = 0.2;

const sizeOf = ({ step, streams }: Written): number => {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 6 };
  let size = step.length;
  for (const stream of streams.values()) if (stream.length > 0) size += brotliCompressSync(stream, { params }).length;
  return size;
};

const plain = (bytes: Uint8Array): Written => ({
  step: [OP.plain, bytes.length],
  streams: new Map([[STREAMS.plain, bytes]]),
});

function zeroShare(bytes: Uint8Array, width: number): number {
  let zeros = 0;
  for (let at = 0; at < bytes.length; at += width) {
    let w = 0;
    while (w < width && bytes[at + w] === 0) w++;
    if (w === width) zeros++;
  }
  return (zeros * width) / bytes.length;
}

type Way = (bytes: Uint8Array, base: Uint8Array) => Written;

/** The ways that there are for elements of a width. */
function waysOf(bytes: Uint8Array, width: number, at: number | undefined): Way[] {
  const ways: Way[] = [plain];
  if (width === 0.5) {
    const { value, share } = mostFrequent(halvesOf(bytes));
    ways.push(asNibbles);
    if (share >= SPARSE) ways.push((part) => asSparseNibbles(part, value));
  } else {
    ways.push((part) => asPlanes(part, width as Width));
    const { value, share } = width === 1 ? mostFrequent(bytes) : { value: 0, share: zeroShare(bytes, width) };
    if (share >= SPARSE) ways.push((part) => asSparse(part, new Uint8Array(width).fill(value)));
  }
  if (at !== undefined) {
    const own = Math.max(1, width) as Width;
    for (const way of [0, 1]) ways.push((part, base) => asDifference(part, base, at, own)[way]!);
  }
  return ways;
}

/** @param bytes of the stretch @param base of its counterpart */
export function written(bytes: Uint8Array, { width, base: place }: Stretch, base: Uint8Array): Written {
  if (place?.equal) return { step: [OP.copy, place.at, bytes.length], streams: new Map() };
  if (width === null) return plain(bytes);
  const ways = waysOf(bytes, width, place?.at);
  const trial = Math.min(bytes.length, TRIAL);
  let [best, least] = [ways[0]!, Infinity];
  for (const way of ways) {
    const size = sizeOf(way(bytes.subarray(0, trial), base.subarray(0, trial)));
    if (size < least) [best, least] = [way, size];
  }
  return best(bytes, base);
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Bytes that are no elements: stretches that the base has too, and those between. */
function* others(bytes: Uint8Array, from: number, to: number, index: BaseIndex | null): Generator<Stretch> {
  let at = from;
  for (const match of index?.matches(bytes, from, to) ?? []) {
    if (match.at > at) yield { from: at, to: match.at, width: null };
    at = match.at + match.length;
    yield { from: match.at, to: at, width: null, base: { at: match.base, equal: true } };
  }
  if (at < to) yield { from: at, to, width: null };
}

/** The file as stretches, in its order, without a gap. */
export function* stretches(bytes: Uint8Array, base: Uint8Array | undefined): Generator<Stretch> {
  const index = base ? new BaseIndex(base) : null;
  const counterparts = new Map((base ? tensorPlaces(base) : []).map((place) => [place.name, place]));
  const counterpart = ({ name, length, width, offset }: TensorPlace): Stretch['base'] => {
    const other = counterparts.get(name);
    if (!base || name === '' || other?.length !== length || other.width !== width) return undefined;
    const [own, theirs] = [bytes.subarray(offset, offset + length), base.subarray(other.offset, other.offset + length)];
    return { at: other.offset, equal: equal(own, theirs) };
  };
  let at = 0;
  for (const place of tensorPlaces(bytes)) {
    yield* others(bytes, at, place.offset, index);
    at = place.offset + place.length;
    const found = counterpart(place);
    yield { from: place.offset, to: at, width: place.width, ...(found && { base: found }) };
  }
  yield* others(bytes, at, bytes.length, index);
}
