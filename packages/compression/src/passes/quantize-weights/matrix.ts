/** A matrix in blocks along its columns, as MatMulNBits stores it, or along its rows, as GatherBlockQuantized does. */
import { checkCancelled } from '../../errors.js';
import { BlockQuantizer, quantizeBlock, type BlockForm } from './block.js';

export interface BlockedMatrix {
  /** Blocks of one line after the other, the last of each filled up with zeros; with 4 bits two in a byte, the first in its lower half. */
  readonly packed: Uint8Array;
  /** [lines, blocks of a line] */
  readonly scales: Float32Array;
  /** One a block, a line filled up to whole bytes. */
  readonly zeros: Uint8Array;
  readonly blocks: number;
  /** Signal to noise of the weights, dB; Infinity where nothing is lost. */
  readonly decibels: number;
}

/** Bytes of places and scales, and of zero points where there are some. */
export function blockedBytes(lines: number, length: number, size: number, { bits, symmetric }: BlockForm): number {
  const blocks = Math.ceil(length / size);
  return lines * (blocks * ((size * bits) / 8 + 4) + (symmetric ? 0 : Math.ceil((blocks * bits) / 8)));
}

function put(bytes: Uint8Array, at: number, value: number, bits: number): void {
  if (bits === 8) bytes[at] = value;
  else bytes[at >> 1] = (bytes[at >> 1] as number) | (value << (4 * (at & 1)));
}

/** Where the elements of lines lie: the columns of a product's matrix, or the rows of a table. */
export interface Lines {
  readonly data: Float32Array;
  readonly lines: number;
  readonly length: number;
  /** The index of an element of a line in the data. */
  at(line: number, i: number): number;
}

/** Places of the elements of each line, [lines, length], and scale and zero point of each block, [lines, blocks of a line]. */
export interface Levels {
  readonly places: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
}

const blocksOf = ({ length }: Pick<Lines, 'length'>, size: number): number => Math.ceil(length / size);

/**
 * Each element at the nearest of its block's places.
 * @throws CompressionError `cancelled`
 */
export async function nearestLevels(
  of: Lines,
  size: number,
  form: BlockForm,
  signal: AbortSignal | undefined,
): Promise<Levels> {
  const { data, lines, length } = of;
  const blocks = blocksOf(of, size);
  const places = new Uint8Array(lines * length);
  const scales = new Float32Array(lines * blocks);
  const zeros = new Uint8Array(lines * blocks);
  const quantizer = new BlockQuantizer(form, size);
  const values = new Float32Array(size);
  for (let line = 0; line < lines; line++) {
    if (line % 64 === 0) {
      checkCancelled(signal);
      await new Promise(setImmediate);
    }
    for (let b = 0; b < blocks; b++) {
      const width = Math.min(size, length - b * size);
      for (let i = 0; i < width; i++) values[i] = data[of.at(line, b * size + i)] as number;
      const block = values.subarray(0, width);
      const chosen = quantizer.choose(block);
      const from = line * length + b * size;
      quantizeBlock(block, chosen, form.bits, places.subarray(from, from + width));
      scales[line * blocks + b] = chosen.scale;
      zeros[line * blocks + b] = chosen.zero;
    }
  }
  return { places, scales, zeros };
}

/** Levels as operators store them. */
export function packedLevels(of: Lines, { places, scales, zeros }: Levels, size: number, bits: 4 | 8): BlockedMatrix {
  const { data, lines, length } = of;
  const blocks = blocksOf(of, size);
  const packed = new Uint8Array((lines * blocks * size * bits) / 8);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const points = new Uint8Array(lines * zeroBytes);
  let [signal, noise] = [0, 0];
  for (let line = 0; line < lines; line++) {
    for (let b = 0; b < blocks; b++)
      put(points.subarray(line * zeroBytes), b, zeros[line * blocks + b] as number, bits);
    for (let i = 0; i < length; i++) {
      const [block, place] = [line * blocks + Math.floor(i / size), places[line * length + i] as number];
      put(packed, line * blocks * size + i, place, bits);
      const value = data[of.at(line, i)] as number;
      signal += value * value;
      noise += (value - (place - (zeros[block] as number)) * (scales[block] as number)) ** 2;
    }
  }
  const decibels = noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
  return { packed, scales, zeros: points, blocks, decibels };
}

/** Lines of `width` elements cut to their first `columns`, one right after the other. */
export function repacked(
  bytes: Uint8Array,
  [lines, width]: readonly [number, number],
  columns: number,
  bits: 4 | 8,
): Uint8Array {
  if (width === columns) return bytes;
  const out = new Uint8Array(Math.ceil((lines * columns * bits) / 8));
  const get = (at: number): number => (bits === 8 ? bytes[at]! : (bytes[at >> 1]! >> (4 * (at & 1))) & 15);
  for (let line = 0; line < lines; line++)
    for (let i = 0; i < columns; i++) put(out, line * columns + i, get(line * width + i), bits);
  return out;
}
