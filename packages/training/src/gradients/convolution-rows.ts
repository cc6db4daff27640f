/**
 * Convolution on tiny images as products over positions and batch together. ONNX Runtime's own kernels run one product an
 * image, which a 2x2 image cannot fill (64 -> 64 channels, batch 64, milliseconds: Conv 0.98, ConvTranspose 1.17, as
 * rows 0.5; on 4x4 they are even).
 */
import { elementCount } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Convolution } from './convolution-weights.js';
import { taps } from './geometry.js';
import { outer } from './outer.js';

/** Largest number of positions for which whole-batch products win. */
const TINY = 8;
const MIN_CHANNELS = 8;

/** Whether the convolution and its gradients are written as rows. */
export function isTiny(c: Convolution): boolean {
  return c.group === 1 && c.inChannels >= MIN_CHANNELS && elementCount(c.output) <= TINY;
}

/** A value seen as a matrix of so many rows, transposed: as one of all axes it costs ten times as much (16x440x2x2). */
function turned(t: Tape, x: string, rows: number): string {
  return t.transpose(t.reshape(x, [rows, elementCount(t.shape(x)) / rows]), [1, 0]);
}

/** [batch, channels, ...positions] with the positions outermost, then padded: [...positions, batch, channels]. */
export function positionsOutermost(t: Tape, x: string, padBegin: Shape, padEnd: Shape): string {
  const [batch, channels, ...spatial] = t.shape(x) as [number, number, ...number[]];
  const outermost = t.reshape(turned(t, x, batch * channels), [...spatial, batch, channels]);
  return t.pad(outermost, [...padBegin, 0, 0, ...padEnd, 0, 0]);
}

/**
 * One row a position and sample, what each channel meets at all taps side by side, as weights lie: [positions * batch, channels * taps].
 * The columns are put in this order, not the weights, which are the larger by far.
 */
function columns(t: Tape, x: string, c: Convolution): string {
  const axes = c.output.map((_, i) => i);
  const rows = elementCount(c.output) * c.batch;
  const offsets = taps(c.kernel).map((tap) => tap.map((k, i) => k * c.dilations[i]!));
  const parts = offsets.map((begin) => {
    const end = begin.map((b, i) => b + (c.output[i]! - 1) * c.strides[i]! + 1);
    return t.slice(x, axes, begin, end, c.strides);
  });
  const byTap = t.reshape(t.concat(parts, axes.length + 1), [rows, offsets.length, c.inChannels]);
  const byChannel = offsets.length === 1 ? byTap : t.transpose(byTap, [0, 2, 1]);
  return t.reshape(byChannel, [rows, c.inChannels * offsets.length]);
}

/** Rows [positions * batch, channels] as [batch, channels, ...positions]. */
function asImages(t: Tape, rows: string, batch: number, channels: number, size: Shape): string {
  return t.reshape(turned(t, rows, elementCount(size)), [batch, channels, ...size]);
}

/** dY with a row for each position and sample. */
function gradientRows(t: Tape, c: Convolution, dy: string): string {
  const none = c.kernel.map(() => 0);
  return t.reshape(positionsOutermost(t, dy, none, none), [elementCount(c.output) * c.batch, c.outChannels]);
}

const matrixOf = (t: Tape, c: Convolution, w: string): string =>
  t.reshape(w, [c.outChannels, c.inChannels * elementCount(c.kernel)]);

export interface RowForward {
  readonly output: string;
  /** Kept for the gradient of the weights. */
  readonly columns: string;
}

export function rowForward(t: Tape, c: Convolution, x: string, w: string, bias: string | undefined): RowForward {
  const kept = columns(t, positionsOutermost(t, x, c.padBegin, c.padEnd), c);
  const product = t.matmul(kept, t.transposeLast(matrixOf(t, c, w)));
  const rows = bias ? t.add(product, bias) : product;
  return { output: asImages(t, rows, c.batch, c.outChannels, c.output), columns: kept };
}

/** dL/dW from the columns of the forward pass: one product. */
export function rowWeightGradient(t: Tape, c: Convolution, kept: string, dy: string): string {
  const product = outer(t, gradientRows(t, c, dy), kept);
  return t.reshape(product, [c.outChannels, c.inChannels, ...c.kernel]);
}

/**
 * The same where the forward pass kept no columns. Where a position has fewer rows than the weights have filters, putting what the
 * taps meet side by side costs less than putting their products together.
 */
export function columnGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  return rowWeightGradient(t, c, columns(t, positionsOutermost(t, x, c.padBegin, c.padEnd), c), dy);
}

/** Zeros between the positions along the first axes, so that neighbours are a stride apart; the last position has none behind it. */
function spread(t: Tape, x: string, c: Convolution): string {
  let value = x;
  c.strides.forEach((stride, axis) => {
    if (stride === 1) return;
    const shape = t.shape(value);
    const apart = t.reshape(value, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const zeros = t.shape(apart).map((_, i) => (i === axis + 1 ? stride - 1 : 0));
    const wide = t.pad(apart, [...zeros.map(() => 0), ...zeros]);
    const long = t.reshape(wide, [...shape.slice(0, axis), shape[axis]! * stride, ...shape.slice(axis + 1)]);
    const none = t.shape(long).map(() => 0);
    value = t.pad(long, [...none, ...none.map((_, i) => (i === axis ? 1 - stride : 0))]);
  });
  return value;
}

/** dL/dX: what each output sends back through each tap, summed where it lands. */
export function rowInputGradient(t: Tape, c: Convolution, w: string, dy: string): string {
  const count = elementCount(c.kernel);
  const sent = t.matmul(gradientRows(t, c, dy), matrixOf(t, c, w));
  const rows = elementCount(c.output) * c.batch;
  const byTap = t.transpose(t.reshape(sent, [rows, c.inChannels, count]), [2, 0, 1]);
  const parts = taps(c.kernel).map((tap, k) => {
    const one = t.slice(byTap, [0], [k], [k + 1], [1]);
    const apart = spread(t, t.reshape(one, [...c.output, c.batch, c.inChannels]), c);
    const begin = tap.map((n, i) => n * c.dilations[i]! - c.padBegin[i]!);
    const end = begin.map((b, i) => c.input[i]! - t.shape(apart)[i]! - b);
    return t.pad(apart, [...begin, 0, 0, ...end, 0, 0]);
  });
  const sum = parts.length === 1 ? parts[0]! : t.emit('Sum', parts, t.shape(parts[0]!));
  return asImages(t, sum, c.batch, c.inChannels, c.input);
}
