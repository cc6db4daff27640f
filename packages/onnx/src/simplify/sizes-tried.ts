/** Sizes at which a model runs, where nobody said any. */
import { OnnxError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { drawFeeds, elementsToDraw, type FeedOptions } from './feeds.js';
import { boundSizes, openSizes, type FedInput } from './inputs.js';

/** Sizes that are tried for an open axis, in this order. */
export const SIZES_TRIED: readonly number[] = [1, 2, 8, 16, 32, 64, 224];

/** Further tries are not made, and further combinations are not looked at. */
const MOST_TRIES = 60;
const MOST_LOOKED_AT = 2000;
/** Larger inputs are not tried: 2^22 float32 are 16 MiB, 27 colour images of 224 x 224. */
const MOST_TRIED_ELEMENTS = 2 ** 22;

/**
 * Assignments of sizes, likely ones first: all alike; then a batch of 1 with all else alike; then all empty; then every
 * combination, those of small sizes first.
 */
export function* assignments(open: ReadonlyMap<string, { first: boolean }>): Generator<Record<string, number>> {
  const keys = [...open.keys()];
  const seen = new Set<string>();
  const once = function* (sizes: readonly number[]): Generator<Record<string, number>> {
    const spelt = sizes.join();
    if (seen.has(spelt)) return;
    seen.add(spelt);
    yield Object.fromEntries(keys.map((key, i) => [key, sizes[i]!]));
  };
  for (const size of SIZES_TRIED) yield* once(keys.map(() => size));
  for (const size of SIZES_TRIED) yield* once(keys.map((key) => (open.get(key)!.first ? 1 : size)));
  // Some models take nothing but empty tensors.
  yield* once(keys.map(() => 0));
  const most = SIZES_TRIED.length - 1;
  const ofSum = function* (left: number, at: number): Generator<number[]> {
    if (at === keys.length) {
      if (left === 0) yield [];
      return;
    }
    for (let i = 0; i <= Math.min(most, left); i++)
      for (const rest of ofSum(left - i, at + 1)) yield [SIZES_TRIED[i]!, ...rest];
  };
  for (let sum = 1; sum <= most * keys.length; sum++) for (const sizes of ofSum(sum, 0)) yield* once(sizes);
}

export interface SettledInputs {
  readonly feeds: Record<string, Tensor>;
  /** Every open size by symbol, or by `input[axis]` where it has none. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Those of them that nobody gave: the first that the model ran at. */
  readonly assumed: Readonly<Record<string, number>>;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
/** An executor that is gone answers nothing any more (`RuntimeError` of the runtime says `crashed`). */
const gone = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'crashed';

/**
 * Inputs that a model runs on. Where sizes are open and not given, sizes are tried until a run goes through.
 * @param run runs the model once; what it throws says that these inputs do not suit it
 * @throws what `run` throws where there is nothing to try, or when the executor is gone; OnnxError `no-sizes` when no
 *   sizes do, with the first error as its cause; as `drawFeeds`
 */
export async function settleInputs(
  inputs: readonly FedInput[],
  run: (feeds: Readonly<Record<string, Tensor>>) => Promise<unknown>,
  options: FeedOptions = {},
): Promise<SettledInputs> {
  const { dims = {}, shapes = {}, given = {} } = options;
  const ofValues = Object.fromEntries(Object.entries(given).map(([name, tensor]) => [name, tensor.dims]));
  const bound = boundSizes(inputs, dims, { ...shapes, ...ofValues });
  const open = openSizes(inputs);
  for (const key of Object.keys(bound)) open.delete(key);
  let first: unknown;
  const tried: string[] = [];
  let lookedAt = 0;
  for (const assumed of assignments(open)) {
    const sizes = { ...bound, ...assumed };
    if (lookedAt++ > MOST_LOOKED_AT) break;
    if (lookedAt > 1 && elementsToDraw(inputs, { ...options, dims: sizes }) > MOST_TRIED_ELEMENTS) continue;
    const feeds = drawFeeds(inputs, { ...options, dims: sizes });
    try {
      await run(feeds);
      return { feeds, sizes, assumed };
    } catch (error) {
      if (open.size === 0 || gone(error)) throw error;
      first ??= error;
      tried.push(Object.values(assumed).join('x'));
    }
    if (tried.length >= MOST_TRIES) break;
  }
  const list = tried.length > 8 ? [...tried.slice(0, 7), '…', tried.at(-1)!] : tried;
  throw new OnnxError(
    'no-sizes',
    `the model runs at none of ${tried.length} sizes tried for ${[...open.keys()].join(', ')} (${list.join(', ')}); at the first: ${messageOf(first)}`,
    { cause: first },
  );
}
