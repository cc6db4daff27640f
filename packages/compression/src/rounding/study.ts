/** What weights are multiplied with on samples: moments of most of them, and rows of some that are held back to judge by. */
import { Random } from '@verge/data';
import { openModel, tensorInfo, type Model, type Tensor } from '@verge/onnx';
import { cloneModel } from '../graph/index-of-values.js';
import { dense, type Products } from '../linear-algebra/products.js';
import type { StudyOptions } from '../study/calibrate.js';
import type { Feeds } from '../study/feeds.js';
import { stream } from '../study/stream.js';
import { MomentSums, SquareProducts } from './moments.js';
import type { Columns, Moments } from './nearest-plane.js';
import type { Layout, Reads } from './reads.js';

/** Rows that moments are taken from, where outputs have so many places: more tell hardly more. */
const MOST_ROWS = 2048;
const ROWS_FOR_EACH = 8;
const LEAST_ROWS = 256;
/** One sample in so many is held back, and of all those at most so many rows. */
const HELD = 8;
const HELD_ROWS = 64;

/** Bytes of the moments that are held at a time. */
const BATCH = 2 ** 27;

export class StudiedWeight {
  /** Values that are multiplied with the weight. */
  readonly values: string[] = [];
  #sums: MomentSums[] = [];
  #held: Float32Array[][] = [];
  #samples = 0;

  /**
   * @param layout of the weight
   * @param corrected whether a bias can take back what means lose
   */
  constructor(
    private readonly reads: Reads,
    readonly layout: Layout,
    readonly corrected: boolean,
  ) {}

  read(value: string): void {
    this.values.push(value);
  }

  get bytes(): number {
    const { groups, length } = this.layout;
    return groups * length * length * 8;
  }

  get heldRows(): number {
    return this.#held[0]?.length ?? 0;
  }

  begin(): void {
    const { groups, length } = this.layout;
    this.#sums = Array.from({ length: groups }, () => new MomentSums(length));
    this.#held = Array.from({ length: groups }, () => []);
  }

  release(): void {
    this.#sums = [];
    this.#held = [];
  }

  /** @param first which of all samples the first of these is, of `all` */
  async add(
    value: Tensor & { dtype: 'float32' },
    first: number,
    all: number,
    random: Random,
    squares: SquareProducts,
  ): Promise<void> {
    const { length } = this.layout;
    const wanted = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, ROWS_FOR_EACH * length));
    const each = Math.min(this.reads.places(value.dims), Math.ceil(wanted / all / this.values.length));
    const samples = value.dims[0] ?? 1;
    for (let sample = 0; sample < samples; sample++) {
      const held = (first + sample) % HELD === HELD - 1;
      if (!held) this.#samples++;
      for (let row = 0; row < each; row++) {
        if (held && this.heldRows === HELD_ROWS) break;
        if (!held && this.#sums[0]!.full) await this.settle(squares);
        const into = held ? this.#held.map(() => new Float32Array(length)) : this.#sums.map((sums) => sums.next());
        this.reads.read(value, sample, random, into);
        if (held) this.#held.forEach((rows, g) => rows.push(into[g]!));
      }
    }
  }

  async settle(squares: SquareProducts): Promise<void> {
    for (const sums of this.#sums) await sums.settle(squares);
  }

  /** See `MomentSums.moments`. */
  moments(group: number, aboutMean: boolean, noise: number): Moments {
    return this.#sums[group]!.moments(aboutMean, noise, this.#samples);
  }

  /**
   * Squared error of what is given for the rows that were held back, summed over columns.
   * @param errors of the weights, [length, count]
   */
  async heldNoise(
    group: number,
    { length, count }: Pick<Columns, 'length' | 'count'>,
    errors: Float64Array,
    aboutMean: boolean,
    products: Products,
  ): Promise<number> {
    const rows = this.#held[group]!;
    if (rows.length === 0) return 0;
    const mean = this.#sums[group]!.mean();
    const x = new Float64Array(rows.length * length);
    rows.forEach((row, r) => row.forEach((v, k) => (x[r * length + k] = aboutMean ? v - mean[k]! : v)));
    if (length * count > 2 ** 10) {
      const { data } = await products.ab(dense(rows.length, length, x), dense(length, count, errors));
      return data.reduce((sum, v) => sum + v * v, 0);
    }
    let sum = 0;
    for (let r = 0; r < rows.length; r++)
      for (let n = 0; n < count; n++) {
        let error = 0;
        for (let k = 0; k < length; k++) error += x[r * length + k]! * errors[k * count + n]!;
        sum += error * error;
      }
    return sum;
  }
}

/** Weights whose moments are held together. */
export function inBatches<T extends readonly [string, StudiedWeight]>(weights: readonly T[]): T[][] {
  const batches: T[][] = [];
  let bytes = Infinity;
  for (const one of weights) {
    if (bytes + one[1].bytes > BATCH) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(one);
    bytes += one[1].bytes;
  }
  return batches;
}

/** @throws CompressionError `cancelled`, `bad-samples` */
export async function studyReads(
  model: Model,
  weights: readonly StudiedWeight[],
  feeds: Feeds,
  options: StudyOptions,
): Promise<void> {
  const names = [...new Set(weights.flatMap(({ values }) => values))];
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of names) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  const session = await openModel(options.createSession, copy, { optimization: 'extended' });
  const squares = new SquareProducts(options.createSession);
  const random = new Random(1);
  let first = 0;
  for (const one of weights) one.begin();
  const look = async (values: Record<string, Tensor>, rows: number): Promise<void> => {
    for (const one of weights)
      for (const name of one.values) {
        const value = values[name];
        if (value?.dtype === 'float32') await one.add(value, first, feeds.count, random, squares);
      }
    first += rows;
  };
  try {
    const inner = names.filter((name) => !session.inputNames.includes(name));
    const use = (fetched: Record<string, Tensor>, fed: Record<string, Tensor>): Promise<void> =>
      look({ ...fed, ...fetched }, Object.values(fed)[0]?.dims[0] ?? 1);
    await stream(session, feeds, inner, use, options);
    for (const one of weights) await one.settle(squares);
  } finally {
    await squares.release();
    await session.release();
  }
}
