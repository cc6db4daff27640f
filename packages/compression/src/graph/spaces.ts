/** Spaces: sets of alike classes of units, that compete with each other for staying. */
import { isLabels } from './values.js';
import type { Producer, Walk } from './walk.js';

/** Slices of a constant that compute one class of channels. */
export interface Slices {
  weight: string;
  axis: number;
  indices: number[];
}

export interface Space {
  /** What computes the channels. */
  producers: Producer[];
  /** The classes, each named by one of its units; each stays or goes as a whole. */
  classes: number[];
  /** The slices of weights that compute each class. */
  slices: Slices[][];
  /** Every so many classes make whole blocks of `multiple` channels of every layer. */
  step: (multiple: number) => number;
  /** Channels of the widest producer that one class has. */
  width: number;
  /** Why its channels cannot be removed; null when they can. */
  frozen: string | null;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** How many channels of each producer, and of each axis of a constant, each class has. */
function tally(walk: Walk): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>();
  const count = (labels: Int32Array, key: string): void => {
    for (const unit of labels) {
      const root = walk.units.find(unit);
      const counts = found.get(root) ?? new Map<string, number>();
      counts.set(key, (counts.get(key) ?? 0) + 1);
      found.set(root, counts);
    }
  };
  for (const [name, value] of walk.values)
    if (walk.index.constant(name)) value.axes.forEach((axis, i) => isLabels(axis) && count(axis, `${name}:${i}`));
  return found;
}

/** The classes that some weight computes, with the slices that do. */
function producedClasses(
  walk: Walk,
): Map<number, { slices: Map<string, Slices>; producers: Set<Producer>; widths: Map<Producer, number> }> {
  const found: ReturnType<typeof producedClasses> = new Map();
  for (const producer of walk.producers) {
    producer.labels.forEach((unit, index) => {
      const root = walk.units.find(unit);
      const entry = found.get(root) ?? { slices: new Map(), producers: new Set(), widths: new Map() };
      found.set(root, entry);
      entry.producers.add(producer);
      entry.widths.set(producer, (entry.widths.get(producer) ?? 0) + 1 / (producer.gates ?? 1));
      const key = `${producer.weight}:${producer.axis}`;
      const slices = entry.slices.get(key) ?? { weight: producer.weight, axis: producer.axis, indices: [] };
      if (!slices.indices.includes(index)) slices.indices.push(index);
      entry.slices.set(key, slices);
    });
  }
  return found;
}

/** Classes are alike when they have as many channels of the same axes of the same constants. */
export function spacesOf(walk: Walk): Space[] {
  const counts = tally(walk);
  const runs = new Map<number, number[]>();
  for (const run of walk.runs) {
    const roots = Array.from(run, (unit) => walk.units.find(unit));
    for (const root of new Set(roots))
      runs.set(root, [...(runs.get(root) ?? []), roots.filter((r) => r === root).length]);
  }
  const spaces = new Map<string, Space>();
  for (const [root, { slices, producers, widths }] of producedClasses(walk)) {
    const frozen = walk.units.frozen(root);
    const signature = [...(counts.get(root) ?? [])].map(([key, n]) => `${key}=${n}`).sort().join(';'); // prettier-ignore
    const key = `${signature}|${frozen ?? ''}`;
    const space = spaces.get(key) ?? {
      producers: [...producers],
      classes: [],
      slices: [],
      width: Math.max(...widths.values()),
      step: (multiple: number): number =>
        [...widths.values(), ...(runs.get(root) ?? [])].reduce((most, n) => {
          const own = multiple / gcd(multiple, n);
          return (most * own) / gcd(most, own);
        }, 1),
      frozen,
    };
    space.classes.push(root);
    space.slices.push([...slices.values()]);
    spaces.set(key, space);
  }
  return [...spaces.values()];
}
