/**
 * A transposed convolution as a convolution and DepthToSpace, since ONNX Runtime has the former in floats only: each of stride x stride
 * places of an output block is a convolution of the input by its own taps (Shi et al., "Is the deconvolution layer the same as a
 * convolutional layer?", 2016).
 */
import { attrInt, attrInts, attrString, int, ints, type Node } from '@verge/onnx';

/** Multiplications of the convolution for each of the transposed one that still pay. */
const MOST_MORE = 2.5;

/** Taps along one axis: the output block m takes the inputs m - most to m - least. */
interface Taps {
  readonly kernel: number;
  readonly least: number;
  readonly most: number;
  readonly begin: number;
}

export interface AsConv {
  readonly stride: number;
  readonly group: number;
  /** Along height and width. */
  readonly taps: readonly [Taps, Taps];
}

/** Output element stride * m + r reads kernel element stride * j + r + begin of input m - j. */
function tapsOf(kernel: number, stride: number, begin: number): Taps {
  return {
    kernel,
    least: Math.ceil((1 - stride - begin) / stride),
    most: Math.floor((kernel - 1 - begin) / stride),
    begin,
  };
}

const count = ({ least, most }: Taps): number => most - least + 1;

/**
 * @param dims of the weight: [inputs, outputs of a group, height, width]
 * @returns the convolution, or the reason why there is none
 */
export function asConv(node: Node, dims: readonly number[]): AsConv | string {
  if (dims.length !== 4) return 'it runs over other than two axes, and there is no such ConvTranspose on integers';
  if (attrString(node, 'auto_pad', 'NOTSET') !== 'NOTSET' || node.attributes.has('output_shape'))
    return 'its padding follows from sizes, and there is no ConvTranspose on integers';
  if (attrInts(node, 'dilations', []).some((d) => d !== 1))
    return 'it is dilated, and there is no such ConvTranspose on integers';
  const [down, across = down] = attrInts(node, 'strides', [1, 1]) as [number, number];
  if (down !== across) return 'its strides differ, and there is no such ConvTranspose on integers';
  const pads = attrInts(node, 'pads', [0, 0, 0, 0]);
  const more = attrInts(node, 'output_padding', [0, 0]);
  const kernel = dims.slice(2) as [number, number];
  // (L - 1) * stride + kernel - pads + more = stride * L
  if (kernel.some((k, axis) => k - down !== (pads[axis] ?? 0) + (pads[axis + 2] ?? 0) - (more[axis] ?? 0)))
    return `its output is not ${down} times as large as its input, and there is no such ConvTranspose on integers`;
  const taps = kernel.map((k, axis) => tapsOf(k, down, pads[axis] ?? 0)) as [Taps, Taps];
  const work = (count(taps[0]) * count(taps[1]) * down * down) / (kernel[0] * kernel[1]);
  if (work > MOST_MORE) return `as a convolution on integers it would multiply ${work.toFixed(1)} times as often`;
  return { stride: down, group: attrInt(node, 'group', 1), taps };
}

/**
 * The weight of the convolution: [outputs * stride * stride, inputs of a group, height, width].
 * @param placesFirst whether the outputs of each place stand together; else the places of each output
 */
export function convWeight(
  { stride, group, taps: [down, across] }: AsConv,
  { dims, data }: { dims: readonly number[]; data: Float32Array },
  placesFirst: boolean,
): { dims: number[]; data: Float32Array } {
  const [inputs, outputs, height, width] = dims as [number, number, number, number];
  const [own, places] = [inputs / group, stride * stride];
  const made = [group * outputs * places, own, count(down), count(across)];
  const values = new Float32Array(made.reduce((a, b) => a * b, 1));
  let at = 0;
  for (let row = 0; row < group * outputs * places; row++) {
    const c = placesFirst ? row % (group * outputs) : Math.floor(row / places);
    const place = placesFirst ? Math.floor(row / (group * outputs)) : row % places;
    for (let i = 0; i < own; i++)
      for (let j = down.most; j >= down.least; j--)
        for (let l = across.most; l >= across.least; l--, at++) {
          const y = stride * j + Math.floor(place / stride) + down.begin;
          const x = stride * l + (place % stride) + across.begin;
          if (y < 0 || y >= height || x < 0 || x >= width) continue;
          const input = Math.floor(c / outputs) * own + i;
          values[at] = data[((input * outputs + (c % outputs)) * height + y) * width + x] as number;
        }
  }
  return { dims: made, data: values };
}

/** A value for each channel as one for each of its places. */
export const atPlaces = ({ stride }: AsConv, values: Float32Array, placesFirst: boolean): Float32Array =>
  Float32Array.from({ length: values.length * stride * stride }, (_, i) =>
    placesFirst ? values[i % values.length]! : values[Math.floor(i / (stride * stride))]!,
  );

export function convAttributes({ group, taps: [down, across] }: AsConv): Node['attributes'] {
  return new Map([
    ['group', int(group)],
    ['pads', ints([down.most, across.most, -down.least, -across.least])],
  ]);
}
