/**
 * Rows of the convolutions, pools and layouts of com.microsoft (onnxruntime, docs/ContribOperators.md): with the channels
 * behind (NHWC) or in front, quantised or not.
 */
import { attrInt, attrInts, attrString } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { DataType } from '../tensor.js';
import { mapDim, productDim, unknownShape, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';
import { convolved, pooled, slidOver } from './windows.js';

/** The channels in second place, and back to where they were. */
const channelsSecond = (x: Shape | null): Shape | null => x && [x[0]!, x.at(-1)!, ...x.slice(1, -1)];
const channelsLast = (x: Shape | null): Shape | null => x && [x[0]!, ...x.slice(2), x[1]!];

const hasChannelsLast = (f: NodeFacts): boolean => attrInt(f.node, 'channels_last', 0) === 1;

/** A row on [N, C, ...] applied to an input of [N, ..., C] where `last` says so. */
function inLayout(f: NodeFacts, last: boolean, of: (x: Shape | null) => Shape | null): Shape | null {
  const x = f.shape(0);
  if (x && x.length < 3) f.fail(`input of rank ${x.length} has no spatial dimension`);
  return last ? channelsLast(of(channelsSecond(x))) : of(x);
}

/** QLinearConv of com.microsoft, whose weight stays [M, C / group, ...] in both layouts. */
export const qlinearConv: Row = (f) => [
  tensorType(
    f.dtype(7),
    inLayout(f, hasChannelsLast(f), (x) => convolved(f, x, f.shape(3))),
  ),
];

/** NhwcConv and NhwcFusedConv. */
export const nhwcConv: Row = (f) => [
  tensorType(
    f.dtype(0),
    inLayout(f, true, (x) => convolved(f, x, f.shape(1))),
  ),
];

export const nhwcMaxPool: Row = (f) => [
  tensorType(
    f.dtype(0),
    inLayout(f, true, (x) => pooled(f, x)),
  ),
];

export const qlinearAveragePool: Row = (f) => [
  tensorType(
    f.dtype(0),
    inLayout(f, hasChannelsLast(f), (x) => pooled(f, x)),
  ),
];

export const qlinearGlobalAveragePool: Row = (f) => [
  tensorType(
    f.dtype(0),
    inLayout(f, hasChannelsLast(f), (x) => x && x.map((d, i) => (i < 2 ? d : 1))),
  ),
];

/** QLinearConcat: scale and zero point of the output, then a value, its scale and its zero point each. */
export const qlinearConcat: Row = (f) => {
  const shapes = Array.from({ length: Math.floor((f.inputCount - 2) / 3) }, (_, i) => f.shape(2 + 3 * i));
  const known = shapes.find((s) => s !== null);
  if (!known) return [tensorType(f.dtype(1), null)];
  const axis = f.axis(attrInt(f.node, 'axis'), known.length);
  for (const s of shapes) if (s && s.length !== known.length) f.fail(`ranks ${known.length} and ${s.length} differ`);
  const out = known.map((_, i): Dim => {
    const dims = shapes.map((s) => s?.[i] ?? null);
    if (i !== axis) return f.sameDim(dims, i);
    return dims.length === 1
      ? dims[0]!
      : dims.every((d) => typeof d === 'number')
        ? (dims as number[]).reduce((a, b) => a + b, 0)
        : null;
  });
  return [tensorType(f.dtype(1), out)];
};

/** ConvTransposeWithDynamicPads: the pads are input 2. */
export const convTransposeDynamic: Row = (f) => {
  const [x, w, pads] = [f.shape(0), f.shape(1), f.numbers(2)];
  if (!x || !w) return [tensorType(f.dtype(0), x && unknownShape(x.length))];
  if (x.length !== w.length || x.length < 3) f.fail(`input of rank ${x.length} and weight of rank ${w.length}`);
  const n = x.length - 2;
  const list = (name: string, fill: number): readonly number[] => {
    const given = attrInts(f.node, name, []);
    return given.length > 0 ? given : new Array<number>(n).fill(fill);
  };
  const kernel: Shape = attrInts(f.node, 'kernel_shape', []).length > 0 ? list('kernel_shape', 1) : w.slice(2);
  const [strides, dilations, extra] = [list('strides', 1), list('dilations', 1), list('output_padding', 0)];
  const explicit = attrString(f.node, 'auto_pad', 'NOTSET') === 'NOTSET';
  const sizes = x.slice(2).map((size, i): Dim => {
    const k = kernel[i];
    if (typeof k !== 'number' || !pads || pads.length !== 2 * n || !explicit) return null;
    return mapDim(
      size,
      (d) => strides[i]! * (d - 1) + extra[i]! + dilations[i]! * (k - 1) + 1 - pads[i]! - pads[i + n]!,
    );
  });
  return [tensorType(f.dtype(0), [x[0]!, mapDim(w[1], (m) => m * attrInt(f.node, 'group', 1)), ...sizes])];
};

/** CropAndResize: [regions, C, height, width], the size as input 3. */
export const cropAndResize: Row = (f) => {
  const size = f.elements(3);
  return [tensorType(f.dtype(0), [f.ranked(1, 2)[0]!, f.ranked(0, 4)[1]!, size?.[0] ?? null, size?.[1] ?? null])];
};

/** ExpandDims: a dimension of 1 at the axis that input 1 says. */
export const expandDims: Row = (f) => {
  const [x, axis] = [f.shape(0), f.scalar(1)];
  if (!x) return [tensorType(f.dtype(0), null)];
  if (typeof axis !== 'number') return [tensorType(f.dtype(0), unknownShape(x.length + 1))];
  const at = f.axis(axis, x.length + 1);
  return [tensorType(f.dtype(0), [...x.slice(0, at), 1, ...x.slice(at)])];
};

/** TorchEmbedding: a row of the weight for each index. */
export const torchEmbedding: Row = (f) => {
  const indices = f.shape(1);
  return [tensorType(f.dtype(0), indices && [...indices, f.ranked(0, 2)[1]!])];
};

/** MurmurHash3: a number for each element. */
export const murmurHash: Row = (f) => {
  const dtype: DataType = attrInt(f.node, 'positive', 1) === 1 ? 'uint32' : 'int32';
  return [tensorType(dtype, f.shape(0))];
};

/**
 * What the optimiser makes of convolutions on this CPU (domain com.microsoft.nchwc): channels lie in blocks, filled up to
 * whole ones, whose size is the processor's. A shape says the channels that are there with those that fill up.
 */
export const nchwcConv: Row = (f) => {
  const [x, w] = [f.shape(0), f.shape(1)];
  if (!x || !w) return [tensorType(f.dtype(0), x && x.map((_, i) => (i === 1 ? (w?.[0] ?? null) : null)))];
  if (x.length !== w.length) f.fail(`input of rank ${x.length} and weight of rank ${w.length}`);
  return [tensorType(f.dtype(0), slidOver(f, x, w))];
};

/** Blocks of 8 or 16 channels; those of 16 are whole in both. */
export const reorderInput: Row = (f) => {
  const x = f.shape(0);
  const last = hasChannelsLast(f);
  const channelsFirst = last ? channelsSecond(x) : x;
  const filled = (d: Dim): Dim => (typeof d === 'number' && d % 16 === 0 ? d : null);
  return [tensorType(f.dtype(0), channelsFirst && channelsFirst.map((d, i) => (i === 1 ? filled(d) : d)))];
};

export const reorderOutput: Row = (f) => {
  const channels = attrInt(f.node, 'channels');
  const x = f.shape(0)?.map((d, i) => (i === 1 ? channels : d)) ?? null;
  return [tensorType(f.dtype(0), hasChannelsLast(f) ? channelsLast(x) : x)];
};

/** Upsample of com.microsoft.nchwc: whole scales for all axes. */
export const nchwcUpsample: Row = (f) => {
  const scales = attrInts(f.node, 'scales', []);
  return [tensorType(f.dtype(0), f.shape(0)?.map((d, i) => productDim([d, scales[i] ?? null])) ?? null)];
};
