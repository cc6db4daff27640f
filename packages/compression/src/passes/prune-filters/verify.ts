/** Each removal is carried out only when the cut model gives what the source gives with the same channels masked. */
import {
  bfloat16Value,
  openModel,
  float16Value,
  type Model,
  roundingsOf,
  type SessionFactory,
  type Tensor,
} from '@verge/onnx';
import { removalOf, withoutChannels, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { withMaskedChannels } from './masked.js';

/** Largest difference from the masked source, relative to the largest number of the output; more where 16-bit roundings explain it. */
export const TOLERANCE = 1e-5;

export interface Verified {
  /** The cut model. */
  readonly model: Model;
  /** What each space keeps; spaces that failed keep all. */
  readonly keep: readonly Int32Array[];
  /** The largest difference found, relative. */
  readonly difference: number;
  /** Spaces that were left whole, with what was found. */
  readonly failed: readonly { space: Space; reason: string }[];
}

function numbers({ dtype, data }: Tensor): ArrayLike<number> | null {
  if (dtype === 'float16') return Float32Array.from(data, float16Value);
  if (dtype === 'bfloat16') return Float32Array.from(data, bfloat16Value);
  if (data instanceof BigInt64Array) return Float64Array.from(data, Number);
  return /^(float(32|64)|u?int(8|16|32))$/.test(dtype) ? (data as Float32Array) : null;
}

/** @returns Infinity where the forms differ or a number is not finite in one of them alone */
export function relativeDifference(expected: Tensor, found: Tensor): number {
  const [a, b] = [numbers(expected), numbers(found)];
  if (!a || !b) return Buffer.compare(bytesOf(expected), bytesOf(found)) === 0 ? 0 : Infinity;
  if (a.length !== b.length || expected.dims.join() !== found.dims.join()) return Infinity;
  let [most, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y)) continue;
    const difference = Math.abs(x - y);
    most = Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }
  for (let i = 0; i < a.length; i++)
    if (Number.isFinite(a[i] as number)) size = Math.max(size, Math.abs(a[i] as number));
  return most === 0 ? 0 : most / (size || 1);
}

const bytesOf = ({ data }: Tensor): Uint8Array =>
  'buffer' in data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data.join('\0'));

/** How cut and masked models are run. */
export interface Trial {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly createSession: SessionFactory;
  /** What a model needs before it takes the feeds. */
  readonly bind?: (model: Model) => Model;
}

async function outputs(model: Model, { feeds, createSession, bind }: Trial): Promise<Record<string, Tensor>> {
  const session = await openModel(createSession, bind ? bind(model) : model, { optimization: 'basic' });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

type Checked = { model: Model; difference: number } | { reason: string };

async function check(
  dependencies: Dependencies,
  spaces: readonly Space[],
  keep: readonly Int32Array[],
  trial: Trial,
): Promise<Checked> {
  const removal = removalOf(dependencies, spaces, keep);
  const expected = await outputs(withMaskedChannels(dependencies, removal), trial);
  let found: Record<string, Tensor>;
  let model: Model;
  try {
    model = withoutChannels(dependencies, removal);
    found = await outputs(model, trial);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    return { reason: `without its channels the model does not run: ${what}` };
  }
  const differences = Object.entries(expected).map(([name, tensor]) => {
    const other = found[name];
    return other ? relativeDifference(tensor, other) : Infinity;
  });
  const difference = Math.max(0, ...differences);
  const allowed = Math.max(TOLERANCE, roundingsOf(dependencies.model).relative);
  if (difference <= allowed) return { model, difference };
  return {
    reason: `without its channels outputs differ by ${difference.toExponential(1)} from those with the channels masked; ${allowed} is allowed`,
  };
}

/**
 * Removes what passes. Where the whole of it does not, each space is tried alone, and those that pass are joined one by one if need be.
 * @param keep the classes that each space keeps
 * @throws whatever the executor throws when the source itself does not run on the feeds
 */
export async function verified(
  dependencies: Dependencies,
  spaces: readonly Space[],
  keep: readonly Int32Array[],
  trial: Trial,
): Promise<Verified> {
  const all = spaces.map((space): Int32Array => Int32Array.from(space.classes, (_, i) => i));
  const checked = (now: readonly Int32Array[]): Promise<Checked> => check(dependencies, spaces, now, trial);
  const first = await checked(keep);
  if (!('reason' in first)) return { ...first, keep, failed: [] };
  const failed: { space: Space; reason: string }[] = [];
  const passed = [...keep];
  for (const [s, space] of spaces.entries()) {
    const alone = await checked(all.with(s, keep[s] as Int32Array));
    if (!('reason' in alone)) continue;
    failed.push({ space, reason: alone.reason });
    passed[s] = all[s] as Int32Array;
  }
  const rest = await checked(passed);
  if (!('reason' in rest)) return { ...rest, keep: passed, failed };
  let grown = all;
  let best = await checked(all);
  for (const [s, space] of spaces.entries()) {
    if (passed[s] === all[s]) continue;
    const next = grown.with(s, keep[s] as Int32Array);
    const result = await checked(next);
    if ('reason' in result) failed.push({ space, reason: `beside other removals: ${result.reason}` });
    else [grown, best] = [next, result];
  }
  if ('reason' in best) throw new Error(`the model differs from itself: ${best.reason}`);
  return { ...best, keep: grown, failed };
}
