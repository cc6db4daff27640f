/** One block of weights as unsigned integers of a few bits: q = clamp(round(w / scale) + zero), w' = (q - zero) * scale. */

export interface BlockForm {
  readonly bits: 4 | 8;
  readonly symmetric: boolean;
  readonly scale: 'least-squares' | 'range';
}

export interface Block {
  /** Never 0 unless all of the block is. */
  readonly scale: number;
  readonly zero: number;
}

const f = Math.fround;
/** Half away from zero, for numbers that are not negative. */
const round = (x: number): number => Math.floor(x + 0.5);

/** How much of the range is tried. */
const SHARES = [1, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79, 0.76, 0.72, 0.68, 0.64, 0.6];

/** The scale and zero point that cover a range, which holds 0 (ONNX Runtime, MLAS, q4_dq.cpp: range2scale, range2scalezp). */
function covering(min: number, max: number, { bits, symmetric }: BlockForm): Block {
  const levels = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  // There is one more level below the middle than above, for the end that is farther from zero.
  if (symmetric) return { scale: f(-(Math.abs(max) > Math.abs(min) ? max : min) / middle), zero: middle };
  const scale = f(f(max - min) / levels);
  return { scale, zero: scale === 0 ? 0 : Math.min(levels, Math.max(0, round(f(-min / scale)))) };
}

/** The place of each weight of a block, into `out`. */
export function quantizeBlock(block: Float32Array, { scale, zero }: Block, bits: number, out: Uint8Array): void {
  const levels = 2 ** bits - 1;
  const reciprocal = scale === 0 ? 0 : f(1 / scale);
  for (let i = 0; i < block.length; i++)
    out[i] = Math.min(levels, Math.max(0, round(f(f((block[i] as number) * reciprocal) + zero))));
}

function squaredError(block: Float32Array, { scale, zero }: Block, places: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < block.length; i++) sum += ((block[i] as number) - ((places[i] as number) - zero) * scale) ** 2;
  return sum;
}

/** The scale with the least squared error for given places. */
function fitted(block: Float32Array, { scale, zero }: Block, places: Uint8Array): Block {
  let [product, square] = [0, 0];
  for (let i = 0; i < block.length; i++) {
    const step = (places[i] as number) - zero;
    product += step * (block[i] as number);
    square += step * step;
  }
  const better = square === 0 ? 0 : f(product / square);
  return { scale: better === 0 ? scale : better, zero };
}

export class BlockQuantizer {
  readonly #places: Uint8Array;

  constructor(
    private readonly form: BlockForm,
    size: number,
  ) {
    this.#places = new Uint8Array(size);
  }

  /** @returns scale and zero point; what the block becomes with them is `quantizeBlock`'s */
  choose(block: Float32Array): Block {
    let [min, max] = [0, 0];
    for (const v of block) {
      if (v < min) min = v;
      if (v > max) max = v;
    }
    const whole = covering(min, max, this.form);
    if (this.form.scale === 'range' || whole.scale === 0) return whole;
    let best = whole;
    let least = this.#error(block, whole);
    const consider = (candidate: Block): void => {
      const error = this.#error(block, candidate);
      if (error < least) [least, best] = [error, candidate];
    };
    for (const share of SHARES) {
      const candidate = covering(min * share, max * share, this.form);
      consider(candidate);
      // Symmetric blocks may have their additional level at either end.
      if (this.form.symmetric) consider({ ...candidate, scale: -candidate.scale });
    }
    quantizeBlock(block, best, this.form.bits, this.#places);
    consider(fitted(block, best, this.#places));
    return best;
  }

  #error(block: Float32Array, candidate: Block): number {
    quantizeBlock(block, candidate, this.form.bits, this.#places);
    return squaredError(block, candidate, this.#places);
  }
}
