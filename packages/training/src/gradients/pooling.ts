/** Gradients of pooling. */
import type { Node } from '@verge/onnx';
import { attrInt, attrInts, elementCount, float32, int, ints, str } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { slidingWindow, taps, transposedPads, type Window } from './geometry.js';
import type { Composite, Row } from './row.js';

export function poolWindow(t: Tape, node: Node, input: string, output: Shape): Window {
  return slidingWindow(node, t.shape(input), output, attrInts(node, 'kernel_shape', []));
}

/** Windows that tile the input exactly, each element in one window. */
function tiles(w: Window): boolean {
  return w.kernel.every(
    (k, i) => k === w.strides[i] && w.dilations[i] === 1 && w.padBegin[i] === 0 && k * w.output[i]! === w.input[i],
  );
}

/** Repeats each element over its window. */
function upsample(t: Tape, x: string, shape: Shape, window: Shape): string {
  const scales = t.constant(float32([shape.length], [1, 1, ...window]), 'scales', `s:${window.join(',')}`);
  return t.emit('Resize', [x, '', scales], shape, {
    mode: str('nearest'),
    coordinate_transformation_mode: str('asymmetric'),
    nearest_mode: str('floor'),
  });
}

/** Rows up to this wide are summed by a product with a matrix of ones, which costs a fourth of AveragePool (28x28: 0.1 ms, 0.4). */
const PRODUCT_MAX_WIDTH = 64;

/** The sum of each tiling window of images [N, C, ...input]. */
function windowSums(t: Tape, x: string, w: Window, shape: Shape): string {
  const width = w.input.at(-1)!;
  if (w.kernel.length !== 2 || width > PRODUCT_MAX_WIDTH) {
    const pool = { kernel_shape: ints(w.kernel), strides: ints(w.strides) };
    return t.scale(t.emit('AveragePool', [x], shape, pool), elementCount(w.kernel));
  }
  const [kh, kw] = w.kernel as [number, number];
  const columns = w.output[1]!;
  const ones = new Float32Array(kh * width * columns);
  for (let i = 0; i < kh * width; i++) ones[i * columns + Math.floor((i % width) / kw)] = 1;
  const matrix = t.constant(float32([kh * width, columns], ones), 'ones', `w:${kh},${width},${columns}`);
  const rows = t.reshape(x, [shape[0]! * shape[1]! * w.output[0]!, kh * width]);
  return t.reshape(t.matmul(rows, matrix), shape);
}

/**
 * Tiling windows: the elements equal to the maximum share its gradient equally, which costs 4 ms where scattering by
 * index costs 9. Overlapping windows: the second output of MaxPool-12 says where each maximum was found, and a
 * scatter-add sends the gradient there.
 */
export const maxPool: Row = {
  forward(t, node) {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    // Column-major indices count the last axis slowest; the gradient asks for its own.
    const columnMajor = attrInt(node, 'storage_order', 0) === 1;
    if ((node.outputs[1] && !columnMajor) || tiles(poolWindow(t, node, x, t.shape(y)))) {
      t.nodes.push(node);
      return node.outputs[1] ? { indices: node.outputs[1] } : {};
    }
    const indices = t.declare(t.fresh('indices'), t.shape(y), 'int64');
    const attributes = new Map([...node.attributes].filter(([name]) => name !== 'storage_order'));
    if (node.outputs[1]) t.nodes.push(node);
    t.nodes.push({ ...node, name: '', outputs: [node.outputs[1] ? t.fresh('pooled') : y, indices], attributes });
    return { indices };
  },
  vjp: (t, n, dy) => [
    () => {
      const [x, y] = [n.inputs[0]!, n.outputs[0]!];
      const shape = t.shape(x);
      const w = poolWindow(t, n.node, x, t.shape(y));
      if (tiles(w)) {
        const mask = t.indicator(t.compare('Equal', x, upsample(t, y, shape, w.kernel)));
        return t.mul(mask, upsample(t, t.div(dy, windowSums(t, mask, w, t.shape(y))), shape, w.kernel));
      }
      const flat = [elementCount(t.shape(y))];
      const indices = t.reshape(n.saved['indices'] ?? n.outputs[1]!, flat);
      const zeros = t.zeros([elementCount(shape)]);
      const scattered = t.emit('ScatterElements', [zeros, indices, t.reshape(dy, flat)], [elementCount(shape)], {
        reduction: str('add'),
      });
      return t.reshape(scattered, shape);
    },
  ],
};

/** How many elements each window averages over (AveragePool-19: count_include_pad). */
function windowCounts(w: Window, includePad: boolean): Float32Array {
  const counts = taps(w.output).map((position) =>
    position.reduce((count, p, i) => {
      const start = p * w.strides[i]! - w.padBegin[i]!;
      const [low, high] = includePad ? [-w.padBegin[i]!, w.input[i]! + w.padEnd[i]!] : [0, w.input[i]!];
      let inside = 0;
      for (let k = 0; k < w.kernel[i]!; k++) {
        const at = start + k * w.dilations[i]!;
        if (at >= low && at < high) inside++;
      }
      return count * inside;
    }, 1),
  );
  return Float32Array.from(counts);
}

export const averagePool: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const outShape = t.shape(n.outputs[0]!);
      const w = poolWindow(t, n.node, n.inputs[0]!, outShape);
      const counts = windowCounts(w, attrInt(n.node, 'count_include_pad', 0) === 1);
      const spread = t.div(dy, t.constant(float32(w.output, counts), 'counts'));
      return sumBack(t, w, spread, shape);
    },
  ],
};

/** Gives each input element the sum of `value` over the windows that it lies in. */
export function sumBack(t: Tape, w: Window, value: string, shape: Shape): string {
  if (tiles(w)) return upsample(t, value, shape, w.kernel);
  const images = shape[0]! * shape[1]!;
  const ones = t.constant(float32([1, 1, ...w.kernel], new Float32Array(elementCount(w.kernel)).fill(1)), 'ones');
  const { pads, outputPadding } = transposedPads(w);
  const sums = t.emit('ConvTranspose', [t.reshape(value, [images, 1, ...w.output]), ones], [images, 1, ...w.input], {
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(pads),
    output_padding: ints(outputPadding),
    group: int(1),
  });
  return t.reshape(sums, shape);
}

export const globalAveragePool: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      return t.expand(t.scale(dy, 1 / elementCount(shape.slice(2))), shape);
    },
  ],
};

/** The largest element of each image, as the reduction that it is. */
export const globalMaxPool: Composite = {
  decompose(t, node) {
    const axes = t
      .shape(node.inputs[0]!)
      .map((_, i) => i)
      .slice(2);
    t.node('ReduceMax', [node.inputs[0]!, t.ints(axes)], [node.outputs[0]!], { keepdims: int(1) });
  },
};
