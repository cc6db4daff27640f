/**
 * Convolution in ONNX Runtime's own channel-blocked layout (domain com.microsoft.nchwc; the operators that its optimiser
 * puts into inference graphs, which it cannot do here because weights are no constants in training). A blocked value
 * [N, C, H, W] lies in memory as [N, C / block, H, W, block], channels filled up with zeros to whole blocks; weights lie as
 * [O / block, I / block, kh, kw, block(i), block(o)]. The block is a property of the processor, so these graphs run where
 * `probeBlock` found it (tape.block is 0 elsewhere, and then nothing here is used).
 *
 * Milliseconds, batch 64, with the changes of layout: 3x3 depthwise, 64 channels, 25x5: forward 1.7 against 3.8, dW 1.0
 * against 5; dense 3x3, 64 channels, 8x8: 1.8 against 3.7. A pointwise convolution gains nothing.
 */
import { elementCount, int, int64, ints, type Attribute } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Convolution } from './convolution-weights.js';

export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

const filled = (t: Tape, channels: number): number => Math.ceil(channels / t.block) * t.block;

/** Kernels that take whole blocks of channels want them in fours. */
const inFours = (channels: number): boolean => channels % 4 === 0;

const isDepthwise = (c: Convolution): boolean => c.group > 1 && c.group === c.inChannels && c.group === c.outChannels;

/** Whether the forward convolution runs on blocks. */
export function runsBlocked(t: Tape, c: Convolution): boolean {
  if (t.block === 0 || c.kernel.length !== 2 || elementCount(c.kernel) === 1) return false;
  if (isDepthwise(c)) return inFours(c.inChannels);
  // A block of output channels that is mostly filled up costs what it would with them.
  if (c.group !== 1 || 2 * c.outChannels < t.block) return false;
  return c.inChannels < t.block || inFours(c.inChannels);
}

/** Whether the gradient of its input does: a convolution of dY by the flipped weights, where nothing was skipped. */
export function inputRunsBlocked(t: Tape, c: Convolution): boolean {
  const reach = c.kernel.map((k, i) => (k - 1) * c.dilations[i]!);
  const within = reach.every((r, i) => r >= c.padBegin[i]! && r >= c.padEnd[i]!);
  if (!runsBlocked(t, c) || !within || c.strides.some((s) => s !== 1)) return false;
  return isDepthwise(c) || (inFours(c.outChannels) && c.outChannels >= t.block && 2 * c.inChannels >= t.block);
}

/** Whether the gradient of depthwise weights does. */
export function weightsRunBlocked(t: Tape, c: Convolution): boolean {
  return runsBlocked(t, c) && isDepthwise(c);
}

function emit(t: Tape, op: string, inputs: readonly string[], shape: Shape, attributes = {}): string {
  const output = t.fresh(op.toLowerCase());
  t.node(op, inputs, [output], attributes, BLOCKED_DOMAIN);
  return t.declare(output, shape);
}

/** A value in blocked layout; converted once, however many convolutions read it. */
function blocked(t: Tape, x: string): string {
  const [batch, channels, ...spatial] = t.shape(x) as [number, number, ...number[]];
  return t.once(`blocked:${x}`, () => emit(t, 'ReorderInput', [x], [batch, filled(t, channels), ...spatial]));
}

/** Back to [N, channels, H, W], without the channels that filled the last block. */
function plain(t: Tape, x: string, channels: number): string {
  const [batch, , ...spatial] = t.shape(x) as [number, number, ...number[]];
  return emit(t, 'ReorderOutput', [x], [batch, channels, ...spatial], { channels: int(channels) });
}

/** Zeros behind the given sizes. */
function fill(t: Tape, w: string, sizes: Shape): string {
  const shape = t.shape(w);
  return t.pad(w, [...shape.map(() => 0), ...sizes.map((s, i) => s - shape[i]!)]);
}

/** Slices along an axis in another order. */
function pick(t: Tape, x: string, axis: number, order: readonly number[], key: string): string {
  const index = t.constant(int64([order.length], order), 'order', key);
  return t.emit('Gather', [x, index], t.shape(x), { axis: int(axis) });
}

/**
 * [O, I, kh, kw] in blocks: a transposition of matrices, which ONNX Runtime does in tiles, then rows of a block in another order. One
 * transposition of all axes moves single elements (512x512x3x3: 8.7 ms against 1.9), and so do two in a row, which its optimiser makes one.
 */
function denseWeights(t: Tape, w: string): string {
  return t.once(`blocked-weights:${w}`, () => {
    const b = t.block;
    const [out, within, kh, kw] = t.shape(w) as [number, number, number, number];
    const [o, i] = [filled(t, out), filled(t, within)];
    const whole = t.reshape(fill(t, w, [o, i, kh, kw]), [o / b, b, i * kh * kw]);
    const outputsLast = t.reshape(t.transpose(whole, [0, 2, 1]), [(o * i) / (b * b), b * kh * kw, b]);
    const order = Array.from({ length: b * kh * kw }, (_, at) => (at % b) * kh * kw + Math.floor(at / b));
    return t.reshape(pick(t, outputsLast, 1, order, `taps:${b},${kh * kw}`), [o, i, kh, kw]);
  });
}

/**
 * The filters of the reverse direction, [I, O, kh, kw] turned by half a turn, in blocks: the blocks of the forward ones in another order, each
 * transposed (512x512x3x3: 1.5 ms; with Slice and Transpose of the weights as they are 16).
 */
function turnedWeights(t: Tape, w: string): string {
  const b = t.block;
  const forward = denseWeights(t, w);
  const [o, i, kh, kw] = t.shape(forward) as [number, number, number, number];
  const [outs, ins, window] = [o / b, i / b, kh * kw];
  const blocks = t.transpose(t.reshape(forward, [outs * ins * window, b, b]), [0, 2, 1]);
  const order = Array.from({ length: outs * ins * window }, (_, at) => {
    const [k, out, into] = [at % window, Math.floor(at / window) % outs, Math.floor(at / window / outs)];
    return (out * ins + into) * window + (window - 1 - k);
  });
  return t.reshape(pick(t, blocks, 0, order, `turned:${outs},${ins},${window}`), [i, o, kh, kw]);
}

/** Fewer input channels than a block: the image stays as it is, and only the output channels of the weights are blocked. */
function narrowWeights(t: Tape, w: string): string {
  const b = t.block;
  const [out, within, kh, kw] = t.shape(w) as [number, number, number, number];
  const o = filled(t, out);
  const split = t.reshape(fill(t, w, [o, within, kh, kw]), [o / b, b, within, kh, kw]);
  return t.reshape(t.transpose(split, [0, 2, 3, 4, 1]), [o, within, kh, kw]);
}

/** One filter a channel: blocked like an image of one row of channels. */
function depthwiseWeights(t: Tape, w: string): string {
  const [channels, , kh, kw] = t.shape(w) as [number, number, number, number];
  const image = blocked(t, t.reshape(w, [1, channels, kh, kw]));
  return t.reshape(image, [filled(t, channels), 1, kh, kw]);
}

function window(c: Convolution, pads: readonly number[], group: number): Record<string, Attribute> {
  return {
    kernel_shape: ints(c.kernel),
    strides: ints(c.strides),
    dilations: ints(c.dilations),
    pads: ints(pads),
    group: int(group),
  };
}

export function blockedForward(t: Tape, c: Convolution, x: string, w: string, bias?: string): string {
  const out = filled(t, c.outChannels);
  const depthwise = isDepthwise(c);
  const narrow = !depthwise && c.inChannels < t.block;
  const weights = depthwise ? depthwiseWeights(t, w) : narrow ? narrowWeights(t, w) : denseWeights(t, w);
  const image = narrow ? x : blocked(t, x);
  const attributes = window(c, [...c.padBegin, ...c.padEnd], depthwise ? out : 1);
  const inputs = bias ? [image, weights, fill(t, bias, [out])] : [image, weights];
  const y = emit(t, 'Conv', inputs, [c.batch, out, ...c.output], attributes);
  return plain(t, y, c.outChannels);
}

/** Reverses the spatial axes of a kernel. */
export function flip(t: Tape, w: string): string {
  const shape = t.shape(w);
  const axes = shape.map((_, i) => i).slice(2);
  const all = (value: number): string => t.ints(axes.map(() => value));
  return t.emit('Slice', [w, all(-1), all(-(2 ** 31)), t.ints(axes), all(-1)], shape);
}

/** dL/dX of a convolution of stride 1. */
export function blockedInputGradient(t: Tape, c: Convolution, w: string, dy: string): string {
  const channels = filled(t, c.inChannels);
  const rest = (side: readonly number[]): number[] => side.map((p, i) => (c.kernel[i]! - 1) * c.dilations[i]! - p);
  const depthwise = isDepthwise(c);
  const weights = depthwise ? depthwiseWeights(t, flip(t, w)) : turnedWeights(t, w);
  const attributes = window(c, [...rest(c.padBegin), ...rest(c.padEnd)], depthwise ? channels : 1);
  const dx = emit(t, 'Conv', [blocked(t, dy), weights], [c.batch, channels, ...c.input], attributes);
  return plain(t, dx, c.inChannels);
}

/**
 * dL/dW of a depthwise convolution: a depthwise convolution of X by dY in which every image and channel is a channel of its
 * own, strides and dilations changing places. Blocks of an image's channels are blocks of those, so nothing moves.
 */
export function blockedDepthwiseWeights(t: Tape, c: Convolution, x: string, dy: string): string {
  const channels = filled(t, c.inChannels);
  const groups = c.batch * channels;
  const image = t.reshape(blocked(t, x), [1, groups, ...c.input]);
  const kernels = t.reshape(blocked(t, dy), [groups, 1, ...c.output]);
  const reach = c.kernel.map((k, i) => (k - 1) * c.dilations[i]! + (c.output[i]! - 1) * c.strides[i]! + 1);
  const padEnd = reach.map((r, i) => Math.max(0, r - c.input[i]! - c.padBegin[i]!));
  const size = c.input.map((n, i) => {
    const free = n + c.padBegin[i]! + padEnd[i]! - (c.output[i]! - 1) * c.strides[i]! - 1;
    return Math.floor(free / c.dilations[i]!) + 1;
  });
  const turned = { ...c, kernel: c.output, strides: c.dilations, dilations: c.strides };
  const attributes = window(turned, [...c.padBegin, ...padEnd], groups);
  const full = plain(t, emit(t, 'Conv', [image, kernels], [1, groups, ...size], attributes), groups);
  // A remainder of the stride leaves rows behind the kernel that no weight has; filled channels have none either.
  const each = t.reshape(full, [c.batch, channels, ...size]);
  const sum = t.reduce('ReduceSum', each, [0], false);
  const cut = t.slice(sum, [0, 1, 2], [0, 0, 0], [c.inChannels, ...c.kernel], [1, 1, 1]);
  return t.reshape(cut, [c.inChannels, 1, ...c.kernel]);
}
