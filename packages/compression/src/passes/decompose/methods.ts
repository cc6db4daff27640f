/** Kernels taken apart: by singular values, in space, and by Tucker's form over both channel axes. */
import { leadingSpace } from '../../linear-algebra/leading-space.js';
import type { Dense, Products } from '../../linear-algebra/products.js';
import {
  type Decomposed,
  inputsFirst,
  type Kernel,
  norm,
  outputsFirst,
  type Piece,
  rowsByColumns,
  windowSize,
} from './kernel.js';
import { transposed, twoFactors } from './singular.js';

const ones = (kernel: Kernel): number[] => kernel.window.map(() => 1);

/** A dense layer, or a convolution over single places, as two. */
export async function svd(kernel: Kernel, rank: number, products: Products): Promise<Decomposed> {
  const { outputs, inputs } = kernel;
  const { left, right, error } = await twoFactors(outputsFirst(kernel, 1), rank, products);
  const piece = (o: number, i: number, walk: Piece['walk'], data: Float64Array): Piece => ({
    outputs: o,
    inputs: i,
    group: 1,
    walk,
    window: ones(kernel),
    data,
  });
  // Strides are taken first: the second layer then sees fewer places.
  return { pieces: [piece(rank, inputs, 'all', right.data), piece(outputs, rank, 'none', left.data)], error };
}

/**
 * A two-dimensional convolution as one over rows and one over columns (Jaderberg, Vedaldi and Zisserman, 2014, scheme 2), by the
 * singular values of [I * height, O * width].
 */
export async function spatialSvd(kernel: Kernel, rank: number, products: Products): Promise<Decomposed> {
  const { outputs, inputs } = kernel;
  const [height, width] = kernel.window as [number, number];
  const { left, right, error } = await twoFactors(rowsByColumns(kernel), rank, products);
  const rows = new Float64Array(rank * inputs * height);
  for (let r = 0; r < rank; r++)
    for (let i = 0; i < inputs * height; i++) rows[r * inputs * height + i] = left.data[i * rank + r]!;
  const columns = new Float64Array(outputs * rank * width);
  for (let o = 0; o < outputs; o++)
    for (let r = 0; r < rank; r++)
      for (let x = 0; x < width; x++)
        columns[(o * rank + r) * width + x] = right.data[r * right.columns + o * width + x]!;
  return {
    pieces: [
      { outputs: rank, inputs, group: 1, walk: 'rows', window: [height, 1], data: rows },
      { outputs, inputs: rank, group: 1, walk: 'columns', window: [1, width], data: columns },
    ],
    error,
  };
}

/** Rounds in which each channel axis is fitted to the other, after both were found alone. */
const ROUNDS = 2;

/**
 * Tucker's form over inputs and outputs (Kim et al., 2016): a convolution over single places, a smaller one over the window, and one
 * over single places. Axes are found by higher-order singular values and then fitted in turns (De Lathauwer, De Moor and
 * Vandewalle, 2000).
 */
export async function tucker2(
  kernel: Kernel,
  ranks: { inputs: number; outputs: number },
  products: Products,
): Promise<Decomposed> {
  const { outputs, inputs, window } = kernel;
  const size = windowSize(kernel);
  const [byOutput, byInput] = [outputsFirst(kernel, size), inputsFirst(kernel, size)];
  const axis = async (unfolded: Dense, rank: number, from?: Dense): Promise<Dense> =>
    leadingSpace(await products.abt(unfolded, unfolded), rank, products, from);
  let inputAxis = await axis(byInput, ranks.inputs);
  let outputAxis = await axis(byOutput, ranks.outputs);
  const kernelOf = (o: number, i: number, data: Float64Array): Kernel => ({ outputs: o, inputs: i, window, data });
  /** [outputs, ranks.inputs, size] */
  const throughInputs = async (): Promise<Kernel> => {
    const turned = await products.ab(inputAxis, byInput);
    const swapped = inputsFirst(kernelOf(ranks.inputs, outputs, turned.data), size);
    return kernelOf(outputs, ranks.inputs, swapped.data);
  };
  for (let round = 0; round < ROUNDS; round++) {
    outputAxis = await axis(outputsFirst(await throughInputs(), size), ranks.outputs, outputAxis);
    const narrow = await products.ab(outputAxis, byOutput);
    inputAxis = await axis(inputsFirst(kernelOf(ranks.outputs, inputs, narrow.data), size), ranks.inputs, inputAxis);
  }
  const core = await products.ab(outputAxis, outputsFirst(await throughInputs(), size));
  const [whole, kept] = [norm(kernel.data), norm(core.data)];
  return {
    pieces: [
      { outputs: ranks.inputs, inputs, group: 1, walk: 'none', window: ones(kernel), data: inputAxis.data },
      { outputs: ranks.outputs, inputs: ranks.inputs, group: 1, walk: 'all', window, data: core.data },
      {
        outputs,
        inputs: ranks.outputs,
        group: 1,
        walk: 'none',
        window: ones(kernel),
        data: transposed(outputAxis).data,
      },
    ],
    error: whole === 0 ? 0 : Math.sqrt(Math.max(0, 1 - (kept / whole) ** 2)),
  };
}
