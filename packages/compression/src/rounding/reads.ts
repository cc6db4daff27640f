/** What a layer multiplies its weights with: a row for each place of its output, drawn from the values that it reads. */
import type { Random } from '@verge/data';
import { attrInt, attrInts, attrString, type Node, type Tensor } from '@verge/onnx';

/** A layer as products of rows and columns: one for each group of a convolution. */
export interface Layout {
  readonly groups: number;
  /** Weights of one output. */
  readonly length: number;
  /** Outputs of one group. */
  readonly columns: number;
  /** The index in the weight of place k of a column, counted over all groups. */
  at(column: number, k: number): number;
}

/** Calls `write` with where to put each group's row. */
type RowReader = (value: Tensor & { dtype: 'float32' }, sample: number, random: Random, into: Float32Array[]) => void;

export interface Reads {
  readonly layout: Layout;
  /** Places of the output of one sample, at most. */
  places(dims: readonly number[]): number;
  readonly read: RowReader;
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** @param axis of the output channels in the weight */
export function readsOf(node: Node, dims: readonly number[], axis: number): Reads {
  return node.op === 'Conv' ? convolution(node, dims) : matrix(dims, axis);
}

function matrix(dims: readonly number[], axis: number): Reads {
  const [rows, columns] = (axis === 0 ? [dims[1], dims[0]] : dims) as [number, number];
  return {
    layout: {
      groups: 1,
      length: rows,
      columns,
      at: axis === 0 ? (n, k) => n * rows + k : (n, k) => k * columns + n,
    },
    places: (given) => Math.max(1, product(given.slice(1)) / rows),
    read({ data, dims: given }, sample, random, [into]) {
      const places = Math.max(1, product(given.slice(1)) / rows);
      const from = (sample * places + Math.floor(random.unit() * places)) * rows;
      for (let k = 0; k < rows; k++) into![k] = data[from + k] as number;
    },
  };
}

/** Sizes of the output, and what is added in front, by spatial axis. */
function geometry(node: Node, kernel: readonly number[], sizes: readonly number[]) {
  const ones = kernel.map(() => 1);
  const [strides, dilations] = [attrInts(node, 'strides', ones), attrInts(node, 'dilations', ones)];
  const auto = attrString(node, 'auto_pad', 'NOTSET');
  const pads = attrInts(
    node,
    'pads',
    [...ones, ...ones].map(() => 0),
  );
  return kernel.map((k, i) => {
    const [size, stride, dilation] = [sizes[i] as number, strides[i] as number, dilations[i] as number];
    const reach = (k - 1) * dilation + 1;
    if (auto.startsWith('SAME')) {
      const out = Math.ceil(size / stride);
      const total = Math.max(0, (out - 1) * stride + reach - size);
      return { out, stride, dilation, front: auto === 'SAME_UPPER' ? total >> 1 : (total + 1) >> 1 };
    }
    const [front, back] = auto === 'VALID' ? [0, 0] : [pads[i] as number, pads[i + kernel.length] as number];
    return { out: Math.floor((size + front + back - reach) / stride) + 1, stride, dilation, front };
  });
}

function convolution(node: Node, dims: readonly number[]): Reads {
  const groups = attrInt(node, 'group', 1);
  const [outputs, inputs, ...kernel] = dims as [number, number, ...number[]];
  const taps = product(kernel);
  const length = inputs * taps;
  return {
    layout: { groups, length, columns: outputs / groups, at: (n, k) => n * length + k },
    places: (given) => product(geometry(node, kernel, given.slice(2)).map(({ out }) => out)),
    read({ data, dims: given }, sample, random, into) {
      const sizes = given.slice(2);
      const axes = geometry(node, kernel, sizes);
      const start = axes.map(({ out, stride, front }) => Math.floor(random.unit() * out) * stride - front);
      const offsets = Int32Array.from({ length: taps }, (_, tap) => {
        let [offset, step, rest] = [0, 1, tap];
        for (let i = kernel.length - 1; i >= 0; i--) {
          const at = (start[i] as number) + (rest % kernel[i]!) * axes[i]!.dilation;
          if (at < 0 || at >= sizes[i]!) return -1;
          offset += at * step;
          step *= sizes[i]!;
          rest = Math.floor(rest / kernel[i]!);
        }
        return offset;
      });
      const plane = product(sizes);
      for (let g = 0; g < groups; g++) {
        const row = into[g]!;
        for (let c = 0; c < inputs; c++) {
          const from = ((sample * groups + g) * inputs + c) * plane;
          for (let tap = 0; tap < taps; tap++) {
            const offset = offsets[tap] as number;
            row[c * taps + tap] = offset < 0 ? 0 : (data[from + offset] as number);
          }
        }
      }
    },
  };
}
