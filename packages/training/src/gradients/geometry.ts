/** How a window slides over an input: shared by convolution and pooling. */
import { attrInts, attrString, type Node } from '@verge/onnx';
import type { Shape } from '../tape.js';

export interface Window {
  /** Spatial sizes, one entry an axis. */
  readonly input: Shape;
  readonly output: Shape;
  readonly kernel: Shape;
  readonly strides: Shape;
  readonly dilations: Shape;
  readonly padBegin: Shape;
  readonly padEnd: Shape;
}

/** Reads strides, dilations and pads with ONNX's defaults, and resolves `auto_pad` (Conv-11, MaxPool-12). */
export function slidingWindow(node: Node, inputShape: Shape, outputShape: Shape, kernel: Shape): Window {
  const input = inputShape.slice(2);
  const output = outputShape.slice(2);
  const rank = kernel.length;
  const strides = attrInts(
    node,
    'strides',
    Array.from({ length: rank }, () => 1),
  );
  const dilations = attrInts(
    node,
    'dilations',
    Array.from({ length: rank }, () => 1),
  );
  const autoPad = attrString(node, 'auto_pad', 'NOTSET');
  const pads = attrInts(
    node,
    'pads',
    Array.from({ length: 2 * rank }, () => 0),
  );
  let padBegin = pads.slice(0, rank);
  let padEnd = pads.slice(rank);
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    const total = kernel.map((k, i) =>
      Math.max(0, (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 - input[i]!),
    );
    const small = total.map((p) => Math.floor(p / 2));
    const large = total.map((p) => Math.ceil(p / 2));
    [padBegin, padEnd] = autoPad === 'SAME_UPPER' ? [small, large] : [large, small];
  }
  return { input, output, kernel, strides, dilations, padBegin, padEnd };
}

/** Every offset of a kernel, last axis fastest: [0,0], [0,1], ... */
export function taps(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (all, k) => all.flatMap((t) => Array.from({ length: k }, (_, i) => [...t, i])),
    [[]],
  );
}

/** The attributes of a ConvTranspose whose output has the window's input size. */
export function transposedPads(w: Window): { pads: number[]; outputPadding: number[] } {
  // ConvTranspose-11: size = (out - 1) * stride + output_padding + (k - 1) * dilation + 1 - pad_begin - pad_end.
  const full = w.output.map((o, i) => (o - 1) * w.strides[i]! + (w.kernel[i]! - 1) * w.dilations[i]! + 1);
  const excess = full.map((f, i) => f - w.padBegin[i]! - w.input[i]!);
  return {
    pads: [...w.padBegin, ...excess.map((e) => Math.max(0, e))],
    outputPadding: excess.map((e) => Math.max(0, -e)),
  };
}
