/**
 * Convolution on tiny images as products over positions and batch together. ONNX Runtime's own kernels run one product an
 * image, which a 2x2 image cannot fill (64 -> 64 channels, batch 64, milliseconds: Conv 0.98, ConvTranspose 1.17, as
 * rows 0.5; on 4x4 they are even).
 */
import { elementCount } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Convolution } from './convolution-weights.js';
import { taps } from './geometry.js';

/** Largest number of positions for which whole-batch products win. */
const TINY = 8;
const MIN_CHANNELS = 8;

/** Whether the forward convolution is written as rows. */
export function isTiny(c: Convolution): boolean {
  return c.group === 1 && c.inChannels >= MIN_CHANNELS && elementCount(c.kernel) > 1 && elementCount(c.output) <= TINY;
}

/** Whether the gradient of its input is. */
export function hasTinyInput(c: Convolution): boolean {
  const reach = c.kernel.map((k, i) => (k - 1) * c.dilations[i]!);
  const within = reach.every((r, i) => r >= c.padBegin[i]! && r >= c.padEnd[i]!);
  return isTiny(c) && elementCount(c.input) <= TINY && within && c.strides.every((s) => s === 1);
}

/** [batch, channels, ...positions] with the positions outermost, then padded: [...positions, batch, channels]. */
export function positionsOutermost(t: Tape, x: string, padBegin: Shape, padEnd: Shape): string {
  const spatial = padBegin.map((_, i) => i + 2);
  return t.pad(t.transpose(x, [...spatial, 0, 1]), [...padBegin, 0, 0, ...padEnd, 0, 0]);
}

/** One row a position and sample, the channels that each tap meets side by side: [positions * batch, taps * channels]. */
function columns(t: Tape, x: string, size: Shape, strides: Shape, offsets: readonly Shape[]): string {
  const axes = size.map((_, i) => i);
  const [batch, channels] = t.shape(x).slice(-2) as [number, number];
  const parts = offsets.map((begin) => {
    const end = begin.map((b, i) => b + (size[i]! - 1) * strides[i]! + 1);
    return t.slice(x, axes, begin, end, strides);
  });
  return t.reshape(t.concat(parts, size.length + 1), [elementCount(size) * batch, offsets.length * channels]);
}

/** Rows [positions * batch, channels] as [batch, channels, ...positions]. */
function asImages(t: Tape, rows: string, batch: number, channels: number, size: Shape): string {
  const outermost = t.reshape(rows, [...size, batch, channels]);
  return t.transpose(outermost, [size.length, size.length + 1, ...size.map((_, i) => i)]);
}

const spatialAxes = (c: Convolution): number[] => c.kernel.map((_, i) => i + 2);

export interface RowForward {
  readonly output: string;
  /** Kept for the gradient of the weights. */
  readonly columns: string;
}

export function rowForward(t: Tape, c: Convolution, x: string, w: string, bias: string | undefined): RowForward {
  const offsets = taps(c.kernel).map((tap) => tap.map((k, i) => k * c.dilations[i]!));
  const kept = columns(t, positionsOutermost(t, x, c.padBegin, c.padEnd), c.output, c.strides, offsets);
  const matrix = t.reshape(t.transpose(w, [...spatialAxes(c), 1, 0]), [offsets.length * c.inChannels, c.outChannels]);
  const product = t.matmul(kept, matrix);
  const rows = bias ? t.add(product, bias) : product;
  return { output: asImages(t, rows, c.batch, c.outChannels, c.output), columns: kept };
}

/** dL/dW from the columns of the forward pass: one product. */
export function rowWeightGradient(t: Tape, c: Convolution, kept: string, dy: string): string {
  const none = c.kernel.map(() => 0);
  const rows = t.reshape(positionsOutermost(t, dy, none, none), [elementCount(c.output) * c.batch, c.outChannels]);
  const product = t.matmul(t.transposeLast(rows), kept);
  const byTap = t.reshape(product, [c.outChannels, elementCount(c.kernel), c.inChannels]);
  return t.reshape(t.transpose(byTap, [0, 2, 1]), [c.outChannels, c.inChannels, ...c.kernel]);
}

/** dL/dX: each position collects from the outputs that its value went to. */
export function rowInputGradient(t: Tape, c: Convolution, w: string, dy: string): string {
  const reach = c.kernel.map((k, i) => (k - 1) * c.dilations[i]!);
  const begin = reach.map((r, i) => r - c.padBegin[i]!);
  const end = reach.map((r, i) => r - c.padEnd[i]!);
  const offsets = taps(c.kernel).map((tap) => tap.map((k, i) => reach[i]! - k * c.dilations[i]!));
  const collected = columns(t, positionsOutermost(t, dy, begin, end), c.input, c.strides, offsets);
  const matrix = t.reshape(t.transpose(w, [...spatialAxes(c), 0, 1]), [offsets.length * c.outChannels, c.inChannels]);
  return asImages(t, t.matmul(collected, matrix), c.batch, c.inChannels, c.input);
}
