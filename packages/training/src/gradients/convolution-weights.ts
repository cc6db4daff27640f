/**
 * dL/dW of a convolution in six formulations of standard operators, chosen by shape from measurements on ONNX Runtime's CPU
 * kernels (CPU milliseconds, one thread, AVX-512, batch 64). Dense 3x3, 16->16 channels on 32x32: bands 4.5, taps 7.8, im2col
 * 9.8; 16->32, stride 2: bands 2.8, taps 6.3; 64->64 on 8x8: bands 3.4, taps 4.3, rows 4.8; 64->64 on 4x4: rows 1.1, bands 1.6;
 * one input channel, 28x28: im2col 0.8, taps 2.3, bands 2.5. Depthwise stride 1: Toeplitz 13.1, taps 25.5, grouped Conv 24.3;
 * stride 2: grouped Conv 15.7. Depthwise in blocks of channels, where there are any, costs a fifth (`convolution-blocked.ts`).
 */
import { elementCount, float32, int, ints } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { bandGradient } from './convolution-bands.js';
import { columnGradient, positionsOutermost } from './convolution-rows.js';
import { taps, type Window } from './geometry.js';

export interface Convolution extends Window {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly group: number;
}

export type WeightLowering = 'taps' | 'bands' | 'rows' | 'columns' | 'im2col' | 'toeplitz' | 'grouped';

/** Up to so few input channels, all taps side by side fill the product better than bands of rows do. */
const IM2COL_MAX_CHANNELS = 4;
/** On images of so few positions the batch, not the image, must fill the products. */
const ROWS_MAX_POSITIONS = 16;
const ROWS_MIN_CHANNELS = 8;
/** So many channels fill the products of larger images, too. */
const ROWS_WIDE_POSITIONS = 64;
const ROWS_WIDE_CHANNELS = 128;
/** Side by side, more taps than this are copied for longer than bands are multiplied. */
const IM2COL_MAX_TAPS = 25;
/** The Toeplitz product grows with the square of the row; beyond this the grouped convolution wins. */
const TOEPLITZ_MAX_WIDTH = 48;

function inRows(c: Convolution): boolean {
  const positions = elementCount(c.output);
  if (c.group !== 1 || c.inChannels < ROWS_MIN_CHANNELS) return false;
  const wide = Math.min(c.inChannels, c.outChannels) >= ROWS_WIDE_CHANNELS;
  return positions <= (wide ? ROWS_WIDE_POSITIONS : ROWS_MAX_POSITIONS);
}

export function chooseWeightLowering(c: Convolution): WeightLowering {
  const depthwise = c.group > 1 && c.group === c.inChannels && c.group === c.outChannels;
  if (depthwise && c.kernel.length === 2) {
    const wide = c.output[1]! > TOEPLITZ_MAX_WIDTH;
    return c.strides.every((s) => s === 1) && !wide ? 'toeplitz' : 'grouped';
  }
  if (inRows(c)) return c.outChannels < elementCount(c.output) * c.batch ? 'rows' : 'columns';
  if (elementCount(c.kernel) === 1 || c.kernel.length > 2) return 'taps';
  const few = c.inChannels <= IM2COL_MAX_CHANNELS && elementCount(c.kernel) <= IM2COL_MAX_TAPS;
  return c.group === 1 && few ? 'im2col' : 'bands';
}

/** The gradient of the weights [outChannels, inChannels / group, ...kernel]. */
export function weightGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const lowering: Record<WeightLowering, typeof tapGradient> = {
    taps: tapGradient,
    bands: bandGradient,
    rows: rowGradient,
    columns: columnGradient,
    im2col: im2colGradient,
    toeplitz: toeplitzGradient,
    grouped: groupedGradient,
  };
  const chosen = chooseWeightLowering(c);
  return lowering[chosen](t, c, ['rows', 'columns', 'bands'].includes(chosen) ? x : padded(t, c, x), dy);
}

function padded(t: Tape, c: Convolution, x: string): string {
  return t.pad(x, [0, 0, ...c.padBegin, 0, 0, ...c.padEnd]);
}

/** The inputs that one kernel offset meets, one for each output position: [batch, inChannels, ...output]. */
function met(t: Tape, c: Convolution, x: string, tap: readonly number[]): string {
  const begin = tap.map((k, i) => k * c.dilations[i]!);
  const end = begin.map((b, i) => b + (c.output[i]! - 1) * c.strides[i]! + 1);
  const axes = tap.map((_, i) => i + 2);
  return t.slice(x, axes, begin, end, c.strides);
}

/** One batched product a tap; also the pointwise case (a single tap) and any number of groups. */
function tapGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const positions = elementCount(c.output);
  const [ci, co] = [c.inChannels / c.group, c.outChannels / c.group];
  const lead = c.group === 1 ? [c.batch] : [c.batch, c.group];
  const dyT = t.transposeLast(t.reshape(dy, [...lead, co, positions]));
  const parts = taps(c.kernel).map((tap) => {
    const flat = t.reshape(met(t, c, x, tap), [...lead, ci, positions]);
    const sum = t.reduce('ReduceSum', t.matmul(flat, dyT), [0], false);
    return t.reshape(sum, [1, c.group, ci, co]);
  });
  const stacked = t.concat(parts, 0);
  const shape: Shape = [c.outChannels, ci, ...c.kernel];
  return t.reshape(t.transpose(stacked, [1, 3, 2, 0]), shape);
}

/** Positions outermost: slices are whole blocks, and one product a tap runs over positions and batch together. */
function rowGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const rows = elementCount(c.output) * c.batch;
  const none = c.kernel.map(() => 0);
  const outside = positionsOutermost(t, x, c.padBegin, c.padEnd);
  const dyT = t.transposeLast(t.reshape(positionsOutermost(t, dy, none, none), [rows, c.outChannels]));
  const axes = c.kernel.map((_, i) => i);
  const parts = taps(c.kernel).map((tap) => {
    const begin = tap.map((k, i) => k * c.dilations[i]!);
    const end = begin.map((b, i) => b + (c.output[i]! - 1) * c.strides[i]! + 1);
    const met = t.reshape(t.slice(outside, axes, begin, end, c.strides), [rows, c.inChannels]);
    return t.reshape(t.matmul(dyT, met), [c.outChannels, c.inChannels, 1]);
  });
  return t.reshape(t.concat(parts, 2), [c.outChannels, c.inChannels, ...c.kernel]);
}

/** All taps side by side as channels, then a single batched product. */
function im2colGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const positions = elementCount(c.output);
  const offsets = taps(c.kernel);
  const columns = t.concat(
    offsets.map((tap) => met(t, c, x, tap)),
    1,
  );
  const flat = t.reshape(columns, [c.batch, offsets.length * c.inChannels, positions]);
  const dyT = t.transposeLast(t.reshape(dy, [c.batch, c.outChannels, positions]));
  const sum = t.reduce('ReduceSum', t.matmul(flat, dyT), [0], false);
  const byTap = t.reshape(sum, [offsets.length, c.inChannels, c.outChannels]);
  return t.reshape(t.transpose(byTap, [2, 1, 0]), [c.outChannels, c.inChannels, ...c.kernel]);
}

/** Depthwise: X^T dY for each channel and kernel row, whose diagonals hold the taps of that row. */
function toeplitzGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const channels = c.inChannels;
  const [height, width] = [c.output[0]!, c.output[1]!];
  const [kh, kw] = [c.kernel[0]!, c.kernel[1]!];
  const byChannel = t.transpose(x, [1, 0, 2, 3]);
  const paddedWidth = t.shape(byChannel)[3]!;
  const dyRows = t.reshape(t.transpose(dy, [1, 0, 2, 3]), [channels, c.batch * height, width]);
  const mask = new Float32Array(paddedWidth * width * kw);
  for (let j = 0; j < kw; j++) {
    for (let w = 0; w < width; w++) mask[((w * c.strides[1]! + j * c.dilations[1]!) * width + w) * kw + j] = 1;
  }
  const diagonals = t.constant(float32([paddedWidth * width, kw], mask), 'diagonals');
  const rows = Array.from({ length: kh }, (_, i) => {
    const begin = i * c.dilations[0]!;
    const end = begin + (height - 1) * c.strides[0]! + 1;
    const slice = t.slice(byChannel, [2], [begin], [end], [c.strides[0]!]);
    const flat = t.reshape(slice, [channels, c.batch * height, paddedWidth]);
    const product = t.matmul(t.transposeLast(flat), dyRows);
    return t.matmul(t.reshape(product, [channels, paddedWidth * width]), diagonals);
  });
  return t.reshape(t.concat(rows, 1), [channels, 1, kh, kw]);
}

/** Depthwise: a convolution of X by dY in which every image and channel is a group of its own. */
function groupedGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const groups = c.batch * c.inChannels;
  const spatial = t.shape(x).slice(2);
  const image = t.reshape(x, [1, groups, ...spatial]);
  const kernels = t.reshape(dy, [groups, 1, ...c.output]);
  const size = spatial.map((s, i) => Math.floor((s - (c.output[i]! - 1) * c.strides[i]! - 1) / c.dilations[i]!) + 1);
  const full = t.emit('Conv', [image, kernels], [1, groups, ...size], {
    group: int(groups),
    dilations: ints(c.strides),
    strides: ints(c.dilations),
  });
  // A remainder of the stride leaves rows behind the kernel that no weight has.
  const axes = c.kernel.map((_, i) => i + 2);
  const zeros = axes.map(() => 0);
  const cut = t.slice(
    full,
    axes,
    zeros,
    c.kernel,
    axes.map(() => 1),
  );
  const byImage = t.reshape(cut, [c.batch, c.inChannels, 1, ...c.kernel]);
  return t.reduce('ReduceSum', byImage, [0], false);
}
