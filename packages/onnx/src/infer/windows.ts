/** Rows of convolutions, pools and resizing: a window slides over the spatial dimensions. */
import { attrFloats, attrInt, attrInts, attrString } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { DataType } from '../tensor.js';
import { mapDim, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

interface Window {
  kernel: Shape;
  strides: readonly number[];
  dilations: readonly number[];
  pads: readonly number[];
  autoPad: string;
}

function windowOf(f: NodeFacts, kernel: Shape): Window {
  const n = kernel.length;
  const list = (name: string, length: number, fill: number): readonly number[] => {
    const values = attrInts(f.node, name, new Array<number>(length).fill(fill));
    if (values.length !== length) f.fail(`${name} has ${values.length} entries, expected ${length}`);
    return values;
  };
  const strides = list('strides', n, 1);
  if (strides.some((s) => s < 1)) f.fail(`strides ${strides} are not positive`);
  const autoPad = attrString(f.node, 'auto_pad', 'NOTSET');
  return { kernel, strides, dilations: list('dilations', n, 1), pads: list('pads', 2 * n, 0), autoPad };
}

/** Output size of a sliding window along axis `i` (ONNX Operators.md, Conv and MaxPool). */
function slide(f: NodeFacts, size: Dim, w: Window, i: number, ceil: boolean): Dim {
  const stride = w.strides[i]!;
  const kernel = w.kernel[i]!;
  if (w.autoPad === 'SAME_UPPER' || w.autoPad === 'SAME_LOWER') {
    return stride === 1 ? size : mapDim(size, (n) => Math.ceil(n / stride));
  }
  if (typeof kernel !== 'number') return null;
  const extent = w.dilations[i]! * (kernel - 1) + 1;
  const begin = w.autoPad === 'VALID' ? 0 : w.pads[i]!;
  const padding = w.autoPad === 'VALID' ? 0 : begin + w.pads[i + w.kernel.length]!;
  if (stride === 1 && padding === extent - 1) return size;
  return mapDim(size, (n) => {
    const room = n + padding - extent;
    if (room < 0) f.fail(`a window of ${extent} does not fit ${n} with padding ${padding}`);
    if (!ceil) return Math.floor(room / stride) + 1;
    const out = Math.ceil(room / stride) + 1;
    // A window that would start in the right padding is left out.
    return (out - 1) * stride >= n + begin ? out - 1 : out;
  });
}

function spatial(f: NodeFacts, x: Shape, w: Window, ceil = false): Dim[] {
  if (x.length !== w.kernel.length + 2) f.fail(`input of rank ${x.length} for a ${w.kernel.length}-dimensional window`);
  return x.slice(2).map((size, i) => slide(f, size, w, i, ceil));
}

function unknownConvolution(of: Shape | null, channels: Dim = null): Shape | null {
  return of && of.map((_, i) => (i === 1 ? channels : null));
}

function checkRanks(f: NodeFacts, x: Shape, w: Shape): void {
  if (x.length !== w.length) f.fail(`input of rank ${x.length} and weight of rank ${w.length}`);
  if (x.length < 3) f.fail(`input of rank ${x.length} has no spatial dimension`);
}

/** The shape that a convolution of `x` [N, C, ...] with a weight [M, C / group, ...] gives. */
export function convolved(f: NodeFacts, x: Shape | null, w: Shape | null): Shape | null {
  // Either rank is that of the output.
  if (!x || !w) return unknownConvolution(x, w?.[0]) ?? unknownConvolution(w, w?.[0]);
  checkRanks(f, x, w);
  const group = attrInt(f.node, 'group', 1);
  const [channels, perGroup] = [x[1]!, w[1]!];
  if (typeof channels === 'number' && typeof perGroup === 'number' && channels !== perGroup * group) {
    f.fail(`${channels} input channels, the weight expects ${perGroup} in each of ${group} groups`);
  }
  return slidOver(f, x, w);
}

/** The shape that windows of a weight [M, ...] over `x` [N, C, ...] give, whatever the channels are. */
export function slidOver(f: NodeFacts, x: Shape, w: Shape): Shape {
  const given = attrInts(f.node, 'kernel_shape', []);
  const kernel: Shape = given.length > 0 ? given : w.slice(2);
  return [x[0]!, w[0]!, ...spatial(f, x, windowOf(f, kernel))];
}

const convolve =
  (dtype: (f: NodeFacts) => DataType | null, weight: number): Row =>
  (f) => [tensorType(dtype(f), convolved(f, f.shape(0), f.shape(weight)))];

export const conv = convolve((f) => f.dtype(0), 1);
export const convInteger = convolve(() => 'int32', 1);
export const qlinearConv = convolve((f) => f.dtype(7), 3);

export const convTranspose: Row = (f) => {
  const [x, w] = [f.shape(0), f.shape(1)];
  if (!x || !w) return [tensorType(f.dtype(0), x && new Array<Dim>(x.length).fill(null))];
  checkRanks(f, x, w);
  const group = attrInt(f.node, 'group', 1);
  const given = attrInts(f.node, 'kernel_shape', []);
  const win = windowOf(f, given.length > 0 ? given : w.slice(2));
  const fixed = attrInts(f.node, 'output_shape', []);
  const extra = attrInts(f.node, 'output_padding', []);
  const n = win.kernel.length;
  const sizes = x.slice(2).map((size, i): Dim => {
    // output_shape may be given with or without the batch and channel dimensions.
    if (fixed.length > 0) return fixed[fixed.length - n + i]!;
    const stride = win.strides[i]!;
    if (win.autoPad.startsWith('SAME')) return stride === 1 ? size : mapDim(size, (d) => d * stride);
    const kernel = win.kernel[i]!;
    if (typeof kernel !== 'number') return null;
    const padding = win.autoPad === 'VALID' ? 0 : win.pads[i]! + win.pads[i + n]!;
    const extent = win.dilations[i]! * (kernel - 1) + 1;
    return mapDim(size, (d) => stride * (d - 1) + (extra[i] ?? 0) + extent - padding);
  });
  return [tensorType(f.dtype(0), [x[0]!, mapDim(w[1], (m) => m * group), ...sizes])];
};

/** The shape that a pool of `x` [N, C, ...] gives. */
export function pooled(f: NodeFacts, x: Shape | null): Shape | null {
  const w = windowOf(f, attrInts(f.node, 'kernel_shape'));
  return x && [x[0]!, x[1]!, ...spatial(f, x, w, attrInt(f.node, 'ceil_mode', 0) === 1)];
}

/** Max, average and Lp pools; the second output of MaxPool holds indices. */
export const pool: Row = (f) => {
  const shape = pooled(f, f.shape(0));
  return [tensorType(f.dtype(0), shape), tensorType('int64', shape)];
};

export const maxUnpool: Row = (f) => {
  const x = f.shape(0);
  if (f.has(2)) return [tensorType(f.dtype(0), f.elements(2))];
  if (!x) return [tensorType(f.dtype(0), null)];
  const w = windowOf(f, attrInts(f.node, 'kernel_shape'));
  const n = w.kernel.length;
  const sizes = x.slice(2).map((size, i) => {
    return mapDim(size, (d) => (d - 1) * w.strides[i]! + (w.kernel[i] as number) - w.pads[i]! - w.pads[i + n]!);
  });
  return [tensorType(f.dtype(0), [x[0]!, x[1]!, ...sizes])];
};

export const globalPool: Row = (f) => {
  const x = f.shape(0);
  if (x && x.length < 3) f.fail(`input of rank ${x.length} has nothing to pool`);
  return [tensorType(f.dtype(0), x && x.map((d, i) => (i < 2 ? d : 1)))];
};

/** Resize: sizes, or scales, on all axes or those that `axes` names (since 18), with the aspect-ratio policies. */
export const resize: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const [scalesAt, sizesAt] = f.opset < 11 ? [1, -1] : [2, 3];
  const axes = attrInts(
    f.node,
    'axes',
    x.map((_, i) => i),
  ).map((a) => f.axis(a, x.length));
  const out: Dim[] = [...x];
  if (sizesAt >= 0 && f.has(sizesAt) && f.shape(sizesAt)?.[0] !== 0) {
    const sizes = f.elements(sizesAt);
    if (sizes && sizes.length !== axes.length) f.fail(`${sizes.length} sizes for ${axes.length} axes`);
    const policy = attrString(f.node, 'keep_aspect_ratio_policy', 'stretch');
    return [
      tensorType(
        f.dtype(0),
        sizes ? resized(x, axes, sizes, policy) : out.map((d, i) => (axes.includes(i) ? null : d)),
      ),
    ];
  }
  const scales = f.floats(scalesAt);
  if (scales && scales.length !== axes.length) f.fail(`${scales.length} scales for ${axes.length} axes`);
  axes.forEach((axis, i) => {
    const scale = scales?.[i];
    if (scale !== 1) out[axis] = scale === undefined ? null : mapDim(x[axis], (d) => Math.floor(d * scale));
  });
  return [tensorType(f.dtype(0), out)];
};

function resized(x: Shape, axes: readonly number[], sizes: Shape, policy: string): Shape {
  const out: Dim[] = [...x];
  if (policy === 'stretch') {
    axes.forEach((axis, i) => (out[axis] = sizes[i] ?? null));
    return out;
  }
  const ratios = axes.map((axis, i) => Number(sizes[i]) / Number(x[axis]));
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  for (const axis of axes) out[axis] = Number.isNaN(ratio) ? null : mapDim(x[axis], (d) => Math.floor(ratio * d + 0.5));
  return out;
}

/** Upsample takes its scales as an attribute before version 9, as an input after. */
export const upsample: Row = (f) => {
  const x = f.shape(0);
  const scales = f.node.attributes.has('scales') ? attrFloats(f.node, 'scales') : f.floats(1);
  const scaled =
    x && x.map((d, i) => (scales?.[i] === undefined ? null : mapDim(d, (n) => Math.floor(n * scales[i]!))));
  return [tensorType(f.dtype(0), scaled)];
};

export const depthToSpace: Row = (f) => {
  const b = attrInt(f.node, 'blocksize');
  const [n = null, c, h, w] = f.shape(0) ?? [];
  if (!f.shape(0)) return [tensorType(f.dtype(0), null)];
  return [tensorType(f.dtype(0), [n, mapDim(c, (d) => d / (b * b)), mapDim(h, (d) => d * b), mapDim(w, (d) => d * b)])];
};

export const spaceToDepth: Row = (f) => {
  const b = attrInt(f.node, 'blocksize');
  const [n = null, c, h, w] = f.shape(0) ?? [];
  if (!f.shape(0)) return [tensorType(f.dtype(0), null)];
  return [tensorType(f.dtype(0), [n, mapDim(c, (d) => d * b * b), mapDim(h, (d) => d / b), mapDim(w, (d) => d / b)])];
};
