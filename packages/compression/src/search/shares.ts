/** The sizes of a family that differ in what they leave of a model: kept channels come in blocks, so that shares may come to the same. */
import type { DeviceClass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { blockOf } from '../passes/prune-filters/block.js';
import { foretold, type Left } from '../passes/prune-filters/foretold.js';
import type { PassContext } from '../passes/pass.js';
import type { Costs } from './front.js';
import type { Family } from './space.js';

export interface Sized {
  readonly family: Family;
  /** What sizes leave, where that can be told. */
  readonly left: ReadonlyMap<number, Pick<Costs, 'bytes' | 'macs'>>;
  /** Sizes that are not worth a try, with the reason. */
  readonly same: readonly { readonly size: number; readonly reason: string }[];
}

/** Of each family, those sizes that take more away than the one before. */
export async function sized(
  all: readonly Family[],
  model: Model,
  target: DeviceClass,
  context: Pick<PassContext, 'createSession' | 'train'>,
): Promise<Sized[]> {
  const shares = [...new Set(all.flatMap(({ shares, sizes }) => (shares ? sizes : [])))].sort((a, b) => a - b);
  // 0 is the model itself. Where channels cannot be followed, the variants that are tried say why.
  const found = await foretold(model, [0, ...shares], blockOf(target), context).catch(() => []);
  if (found.length === 0) return all.map((family) => ({ family, left: new Map(), same: [] }));
  const whole = found[0] as Left;
  const leftBy = new Map(shares.map((share, i) => [share, found[i + 1] as Left]));
  return all.map((family) => (family.shares ? distinct(family, leftBy, whole) : { family, left: new Map(), same: [] }));
}

function distinct(family: Family, leftBy: ReadonlyMap<number, Left>, whole: Left): Sized {
  let before: { size: number | null; left: Left } = { size: null, left: whole };
  const left = new Map<number, Pick<Costs, 'bytes' | 'macs'>>();
  const same: { size: number; reason: string }[] = [];
  for (const size of family.sizes) {
    const own = leftBy.get(size) as Left;
    if (own.bytes === before.left.bytes && own.macs === before.left.macs) {
      const reason = before.size === null ? 'takes nothing away' : `leaves the same as ${before.size}`;
      same.push({ size, reason: `${family.name}: in blocks of channels ${size} ${reason}` });
      continue;
    }
    before = { size, left: own };
    left.set(size, { bytes: own.bytes, macs: own.macs ?? 0 });
  }
  const gone = new Set(same.map(({ size }) => size));
  return { family: { ...family, sizes: family.sizes.filter((size) => !gone.has(size)) }, left, same };
}
