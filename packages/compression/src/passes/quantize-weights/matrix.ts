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

/**
 * @param at the index of an element of a line in the data
 * @param lines columns of a product's matrix, or rows of a table
 * @throws CompressionError `cancelled`
 */
export async function blocked(
  data: Float32Array,
  at: (line: number, i: number) => number,
  [lines, length]: readonly [number, number],
  size: number,
  form: BlockForm,
  signal: AbortSignal | undefined,
): Promise<BlockedMatrix> {
  const { bits } = form;
  const blocks = Math.ceil(length / size);
  const packed = new Uint8Array((lines * blocks * size * bits) / 8);
  const scales = new Float32Array(lines * blocks);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const zeros = new Uint8Array(lines * zeroBytes);
  const quantizer = new BlockQuantizer(form, size);
  const values = new Float32Array(size);
  const places = new Uint8Array(size);
  let [signal2, noise] = [0, 0];
  for (let line = 0; line < lines; line++) {
    if (line % 64 === 0) {
      checkCancelled(signal);
      await new Promise(setImmediate);
    }
    for (let b = 0; b < blocks; b++) {
      const width = Math.min(size, length - b * size);
      for (let i = 0; i < width; i++) values[i] = data[at(line, b * size + i)] as number;
      const block = values.subarray(0, width);
      const chosen = quantizer.choose(block);
      quantizeBlock(block, chosen, bits, places);
      scales[line * blocks + b] = chosen.scale;
      put(zeros.subarray(line * zeroBytes), b, chosen.zero, bits);
      for (let i = 0; i < width; i++) {
        put(packed, (line * blocks + b) * size + i, places[i] as number, bits);
        const value = block[i] as number;
        signal2 += value * value;
        noise += (value - ((places[i] as number) - chosen.zero) * chosen.scale) ** 2;
      }
    }
  }
  return { packed, scales, zeros, blocks, decibels: noise === 0 ? Infinity : 10 * Math.log10(signal2 / noise) };
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
