/** How many components a layer keeps, and what that costs. */
import { eigen } from '../../linear-algebra/leading-space.js';
import type { Dense, Products } from '../../linear-algebra/products.js';
import { inputsFirst, type Kernel, outputsFirst, rowsByColumns, windowSize } from './kernel.js';
import { vbmfRank } from './vbmf.js';

export type Method = 'svd' | 'spatial-svd' | 'tucker' | 'cp';

export interface Ranks {
  readonly inputs: number;
  readonly outputs: number;
}

/** What the layer is told beside its weights. */
export interface Steps {
  /** Strides of the window's axes; places of the input for one of the output. */
  readonly rows: number;
  readonly columns: number;
}

/** Multiply-accumulates for one place of the output. */
export const wholeCost = (kernel: Kernel): number => kernel.outputs * kernel.inputs * windowSize(kernel);

/** The same after the layer was taken apart. Layers before a stride run at every place of the input. */
export function costOf(kernel: Kernel, method: Method, ranks: Ranks, steps: Steps): number {
  const { outputs: o, inputs: i, window } = kernel;
  const r = ranks.outputs;
  const [height, width] = [window[0] ?? 1, window[1] ?? 1];
  const { rows, columns } = steps;
  switch (method) {
    case 'svd':
      return r * (i + o);
    case 'spatial-svd':
      return columns * i * r * height + r * o * width;
    case 'tucker':
      return rows * columns * i * ranks.inputs + ranks.inputs * r * windowSize(kernel) + r * o;
    case 'cp':
      return rows * columns * i * r + columns * r * height + r * width + r * o;
  }
}

/** Ranks that are whole blocks, at least one, and never more than there are channels. */
export const inBlocks = (rank: number, most: number, block: number, round: 'up' | 'down'): number => {
  const blocks = (round === 'up' ? Math.ceil : Math.floor)(rank / block);
  return Math.min(most, Math.max(1, blocks) * block);
};

/** One more block on either side, where the budget has room for it. */
function raised(ranks: Ranks, most: Ranks, block: number, fits: (ranks: Ranks) => boolean): Ranks {
  const more = [
    { ...ranks, outputs: Math.min(most.outputs, ranks.outputs + block) },
    { ...ranks, inputs: Math.min(most.inputs, ranks.inputs + block) },
  ];
  return more.find((r) => (r.outputs > ranks.outputs || r.inputs > ranks.inputs) && fits(r)) ?? ranks;
}

/**
 * The largest ranks at which the layer costs at most `1 / ratio`, in one proportion to their channels but for a block; null when none
 * does.
 */
export function ranksByRatio(kernel: Kernel, method: Method, steps: Steps, ratio: number, block: number): Ranks | null {
  const most = mostOf(kernel, method);
  const budget = wholeCost(kernel) / ratio;
  for (let outputs = most.outputs; outputs >= 1; outputs--) {
    const share = outputs / most.outputs;
    const ranks = {
      outputs: inBlocks(outputs, most.outputs, block, 'down'),
      inputs: inBlocks(Math.max(1, Math.round(share * most.inputs)), most.inputs, block, 'down'),
    };
    if (costOf(kernel, method, ranks, steps) <= budget)
      return raised(ranks, most, block, (r) => costOf(kernel, method, r, steps) <= budget);
  }
  return null;
}

/** Where a factorisation is exact. */
export function mostOf(kernel: Kernel, method: Method): Ranks {
  const { outputs, inputs, window } = kernel;
  const [height, width] = [window[0] ?? 1, window[1] ?? 1];
  switch (method) {
    case 'svd':
      return { inputs: 1, outputs: Math.min(outputs, inputs) };
    case 'spatial-svd':
      return { inputs: 1, outputs: Math.min(inputs * height, outputs * width) };
    case 'tucker':
      return { inputs, outputs };
    case 'cp':
      // No rank that is exact is known; more components than this cost more than the layer.
      return { inputs: 1, outputs: Math.max(1, Math.ceil(wholeCost(kernel) / (inputs + outputs + height + width))) };
  }
}

/** Squared singular values of an unfolded kernel, the largest first. */
async function spectrum(unfolded: Dense, products: Products): Promise<Float64Array> {
  const wide = unfolded.rows <= unfolded.columns;
  const gram = wide ? await products.abt(unfolded, unfolded) : await products.atb(unfolded, unfolded);
  return eigen(gram).values.map((v) => Math.max(0, v));
}

/** The smallest rank that keeps this share of the squared norm. */
export function rankByEnergy(squares: Float64Array, share: number): number {
  const goal = share * squares.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (const [i, square] of squares.entries()) {
    sum += square;
    if (sum >= goal * (1 - 1e-12)) return i + 1;
  }
  return squares.length;
}

/** The matrices whose ranks are chosen: one, or for Tucker's form one for each channel axis. */
function unfoldings(kernel: Kernel, method: Method): { outputs: Dense; inputs: Dense | null } {
  const size = windowSize(kernel);
  if (method === 'tucker') return { outputs: outputsFirst(kernel, size), inputs: inputsFirst(kernel, size) };
  return { outputs: method === 'spatial-svd' ? rowsByColumns(kernel) : outputsFirst(kernel, size), inputs: null };
}

/** Ranks from the spectra of the unfolded kernel, in whole blocks. */
export async function ranksBySpectrum(
  kernel: Kernel,
  method: Method,
  pick: (squares: Float64Array, sides: Dense) => number,
  block: number,
  products: Products,
): Promise<Ranks> {
  const most = mostOf(kernel, method);
  const { outputs, inputs } = unfoldings(kernel, method);
  const rank = async (unfolded: Dense, largest: number): Promise<number> =>
    inBlocks(Math.max(1, pick(await spectrum(unfolded, products), unfolded)), largest, block, 'up');
  return { outputs: await rank(outputs, most.outputs), inputs: inputs ? await rank(inputs, most.inputs) : 1 };
}

export const byVbmf = (squares: Float64Array, { rows, columns }: Dense): number => vbmfRank(squares, rows, columns);
