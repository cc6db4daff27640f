/**
 * dL/dW of a dense or grouped convolution over one or two spatial axes with few passes over memory. The rows that the kernel
 * rows meet are gathered once (a row is a block of memory, and striding over rows costs nothing), so that all kernel rows
 * share one product; the kernel columns are met by shifting dY, which needs one product for each shift:
 *
 *   dW[co, ci, kh, kw] = sum over n, h, w of X[n, ci, sh h + dh kh - ph, sw (w + r) + q] dY[n, co, h, w]
 *   with dw kw - pw = sw r + q, 0 <= q < sw,
 *
 * where X is first split into its sw column planes q. A product with the channels of all kernel rows and planes as its
 * rows fills the kernel of the matrix product, which 16 channels alone do not (141 against 68 GFLOP/s).
 */
import { int, int64 } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Convolution } from './convolution-weights.js';

/** One spatial axis after the other, the row axis 1 where there is but one. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

const SINGLE: Axis = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };

function axesOf(c: Convolution): readonly [Axis, Axis] {
  const axes = c.kernel.map((kernel, i): Axis => ({
    input: c.input[i]!,
    output: c.output[i]!,
    kernel,
    stride: c.strides[i]!,
    dilation: c.dilations[i]!,
    pad: c.padBegin[i]!,
  }));
  return axes.length === 1 ? [SINGLE, axes[0]!] : [axes[0]!, axes[1]!];
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** X as [batch, channels * planes, kernel rows * output rows, plane width]. */
function bands(t: Tape, c: Convolution, x: string, rows: Axis, columns: Axis): string {
  const width = Math.ceil(columns.input / columns.stride);
  const reach = (rows.output - 1) * rows.stride + (rows.kernel - 1) * rows.dilation + 1;
  const below = Math.max(0, reach - rows.input - rows.pad);
  const image = t.reshape(x, [c.batch, c.inChannels, rows.input, columns.input]);
  const right = width * columns.stride - columns.input;
  let value = t.pad(image, [0, 0, rows.pad, 0, 0, 0, below, right]);
  const height = rows.input + rows.pad + below;
  if (columns.stride > 1) {
    const split = t.reshape(value, [c.batch, c.inChannels, height, width, columns.stride]);
    value = t.transpose(split, [0, 1, 4, 2, 3]);
  }
  value = t.reshape(value, [c.batch, c.inChannels * columns.stride, height, width]);
  const wanted = range(rows.kernel).flatMap((k) => range(rows.output).map((h) => k * rows.dilation + h * rows.stride));
  if (wanted.length === height && wanted.every((row, i) => row === i)) return value;
  const index = t.constant(int64([wanted.length], wanted), 'rows', `i:${wanted.join(',')}`);
  const shape: Shape = [c.batch, c.inChannels * columns.stride, wanted.length, width];
  return t.emit('Gather', [value, index], shape, { axis: int(2) });
}

/** Where a kernel column meets the planes: plane `q`, shifted by `r`. */
function meeting(columns: Axis, k: number): { plane: number; shift: number } {
  const offset = k * columns.dilation - columns.pad;
  const shift = Math.floor(offset / columns.stride);
  return { plane: offset - shift * columns.stride, shift };
}

/** The gradient of the weights [outChannels, inChannels / group, ...kernel]. */
export function bandGradient(t: Tape, c: Convolution, x: string, dy: string): string {
  const [rows, columns] = axesOf(c);
  const [ci, co] = [c.inChannels / c.group, c.outChannels / c.group];
  const width = Math.ceil(columns.input / columns.stride);
  const lead = c.group === 1 ? [c.batch] : [c.batch, c.group];
  const met = t.reshape(bands(t, c, x, rows, columns), [
    ...lead,
    ci * columns.stride * rows.kernel,
    rows.output * width,
  ]);
  const image = t.reshape(dy, [c.batch, c.outChannels, rows.output, columns.output]);
  const products = new Map<number, string>();
  const product = (shift: number): string => {
    const moved = t.pad(image, [0, 0, 0, shift, 0, 0, 0, width - columns.output - shift]);
    const flat = t.reshape(moved, [...lead, co, rows.output * width]);
    const sum = t.reduce('ReduceSum', t.matmul(met, t.transposeLast(flat)), [0], false);
    return t.reshape(sum, [c.group, ci, columns.stride, rows.kernel, co]);
  };
  const parts = range(columns.kernel).map((k) => {
    const { plane, shift } = meeting(columns, k);
    const all = products.get(shift) ?? product(shift);
    products.set(shift, all);
    const own = t.slice(all, [2], [plane], [plane + 1], [1]);
    return t.reshape(own, [c.group, ci, rows.kernel, co, 1]);
  });
  const weights = t.transpose(t.concat(parts, 4), [0, 3, 1, 2, 4]);
  return t.reshape(weights, [c.outChannels, ci, ...c.kernel]);
}
