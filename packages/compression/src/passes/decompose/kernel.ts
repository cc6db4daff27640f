/** Weights as tensors of double precision, and the pieces that they are taken apart into. */
import type { Dense } from '../../linear-algebra/products.js';

/** Weights of a convolution [O, I, kernel...] or of a dense layer [O, I]. */
export interface Kernel {
  readonly outputs: number;
  readonly inputs: number;
  /** Sizes of the window; empty for a dense layer. */
  readonly window: readonly number[];
  /** [O, I, window...] */
  readonly data: Float64Array;
}

/** Which axes of the window a piece walks: it alone takes their strides, pads and dilations. */
export type Walk = 'none' | 'all' | 'rows' | 'columns';

/** One of the layers that take the place of one, in order. */
export interface Piece {
  readonly outputs: number;
  /** Inputs of one group. */
  readonly inputs: number;
  readonly group: number;
  readonly walk: Walk;
  /** Sizes of its window, with 1 for the axes that it does not walk. */
  readonly window: readonly number[];
  /** [outputs, inputs, window...] */
  readonly data: Float64Array;
}

export interface Decomposed {
  readonly pieces: readonly Piece[];
  /** Share of the kernel's norm that is lost: ||W - W'|| / ||W||. */
  readonly error: number;
}

export const windowSize = (kernel: Kernel): number => kernel.window.reduce((a, b) => a * b, 1);

export const norm = (data: Float64Array): number => {
  let squares = 0;
  for (const v of data) squares += v * v;
  return Math.sqrt(squares);
};

/** One axis of the kernel in front: [I, O * window]. */
export function inputsFirst({ outputs, inputs, data }: Kernel, size: number): Dense {
  const turned = new Float64Array(data.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) {
      const from = (o * inputs + i) * size;
      turned.set(data.subarray(from, from + size), (i * outputs + o) * size);
    }
  return { rows: inputs, columns: outputs * size, data: turned };
}

export const outputsFirst = ({ outputs, inputs, data }: Kernel, size: number): Dense => ({
  rows: outputs,
  columns: inputs * size,
  data,
});

/** A kernel over a window of two axes as a matrix [I * height, O * width]. */
export function rowsByColumns({ outputs, inputs, window, data }: Kernel): Dense {
  const [height, width] = window as [number, number];
  const columns = outputs * width;
  const turned = new Float64Array(data.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          turned[(i * height + y) * columns + o * width + x] = data[
            ((o * inputs + i) * height + y) * width + x
          ] as number;
  return { rows: inputs * height, columns, data: turned };
}

/** What the pieces amount to, [O, I, window...]: for errors and for tests. Strides and pads play no part. */
export function recompose(pieces: readonly Piece[], window: readonly number[]): Float64Array {
  const first = pieces[0] as Piece;
  const inputs = first.inputs * first.group;
  const [height, width] = [window[0] ?? 1, window.slice(1).reduce((a, b) => a * b, 1)];
  const size = height * width;
  // The response to each input at each place of the window, carried through the pieces.
  let channels = inputs;
  let state = new Float64Array(inputs * inputs * size);
  const at = (input: number, channel: number, many: number, y: number, x: number): number =>
    ((input * many + channel) * height + y) * width + x;
  for (let i = 0; i < inputs; i++) state[at(i, i, inputs, 0, 0)] = 1;
  for (const piece of pieces) {
    const [kh, kw] = [piece.window[0] ?? 1, piece.window.slice(1).reduce((a, b) => a * b, 1)];
    const next = new Float64Array(inputs * piece.outputs * size);
    const perGroup = piece.outputs / piece.group;
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < piece.outputs; o++)
        for (let c = 0; c < piece.inputs; c++) {
          const channel = Math.floor(o / perGroup) * piece.inputs + c;
          for (let dy = 0; dy < kh; dy++)
            for (let dx = 0; dx < kw; dx++) {
              const weight = piece.data[((o * piece.inputs + c) * kh + dy) * kw + dx] as number;
              for (let y = 0; y + dy < height; y++)
                for (let x = 0; x + dx < width; x++) {
                  const to = at(i, o, piece.outputs, y + dy, x + dx);
                  next[to] = (next[to] as number) + weight * (state[at(i, channel, channels, y, x)] as number);
                }
            }
        }
    channels = piece.outputs;
    state = next;
  }
  const result = new Float64Array(channels * inputs * size);
  for (let i = 0; i < inputs; i++)
    for (let o = 0; o < channels; o++)
      result.set(state.subarray((i * channels + o) * size, (i * channels + o + 1) * size), (o * inputs + i) * size);
  return result;
}
