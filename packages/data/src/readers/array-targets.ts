/** What is right of samples that lie in arrays: class indices, or what the outputs should be. */
import { DataError } from '../errors.js';
import { rowsAt, type Targets } from '../samples.js';
import { gapNotes, numberedLabels } from './labels.js';
import type { NpyArray } from './npy.js';
import { kindOfWholes, undecided, type TargetKind, type WholeNumbers } from './target.js';

export interface ArrayTruths {
  /** Class of each sample; -1 throughout where it has none. */
  readonly y: Int32Array;
  readonly labels: string[];
  /** See `Samples.targets`. */
  readonly targets?: Targets;
  readonly notes: readonly string[];
}

interface Asked {
  readonly path: string;
  /** Names of the arrays, for messages. */
  readonly names: string;
  readonly kind?: TargetKind | undefined;
}

/** A whole number from 0 for each sample. */
const isIndices = ({ dims, data }: NpyArray): boolean =>
  data.length === dims[0] && data.every((c) => Number.isInteger(c) && c >= 0);

/** The class of each row of zeros and a single one; null where the rows are not so. */
function oneHot({ dims, data }: NpyArray): Int32Array | null {
  const [rows = 0, width = 0] = dims;
  if (dims.length !== 2 || width < 2 || rows === 0) return null;
  const y = new Int32Array(rows).fill(-1);
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0 && data[i] !== 1) return null;
    if (data[i] === 0) continue;
    const row = Math.floor(i / width);
    if (y[row] !== -1) return null;
    y[row] = i % width;
  }
  return y.includes(-1) ? null : y;
}

function factsOf(values: Int32Array): WholeNumbers {
  const distinct = new Set(values);
  const [least, most] = [...distinct].reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return { rows: values.length, distinct: distinct.size, least, most };
}

/** Whole numbers as integers are class indices by custom, so where they fill their range they are taken for that. */
function kindOf(values: Int32Array, whole: boolean, { path, names }: Asked): 'class' | 'number' {
  const facts = factsOf(values);
  const range = facts.most - Math.min(1, facts.least) + 1;
  if (facts.distinct <= 20 || (whole && facts.distinct >= range - 1 && facts.rows >= 2 * facts.distinct))
    return 'class';
  const found = kindOfWholes(facts);
  if (found === null || (whole && 2 * facts.distinct >= range)) throw undecided(path, names, facts);
  return found;
}

const joined = (ys: readonly NpyArray[]): number[] => ys.flatMap(({ data }) => Array.from(data));

/** One behind the other, as far apart as `ys` are long. */
function classes(y: Int32Array, notes: readonly string[] = []): ArrayTruths {
  return { y, labels: numberedLabels(y), notes: [...notes, ...gapNotes(y)] };
}

/**
 * @param ys what is right in each part; empty where nothing is
 * @param count of all samples
 * @param problems takes what does not fit
 * @throws DataError `undecided` where whole numbers could be classes or numbers
 */
export function truthsOfArrays(ys: readonly NpyArray[], count: number, asked: Asked, problems: string[]): ArrayTruths {
  const { kind, names } = asked;
  const none = { y: new Int32Array(count).fill(-1), labels: [] };
  if (ys.length === 0 || kind === 'none') return { ...none, notes: [] };
  const whole = ys.every((y) => y.whole === true);
  if (ys.every(isIndices) && kind !== 'number') {
    const y = Int32Array.from(joined(ys));
    if (kind === 'class' || kindOf(y, whole, asked) === 'class') return classes(y);
  }
  const hot = kind === 'number' ? [] : ys.map(oneHot);
  if (hot.length > 0 && hot.every((y) => y !== null))
    return classes(Int32Array.from(hot.flatMap((y) => [...y])), [
      `${names}: each row has a single 1, which is taken for its class`,
    ]);
  if (kind === 'class') problems.push(`${names} hold no class indices: expected a whole number from 0 for each sample`);
  if (new Set(ys.map(({ dims }) => dims.slice(1).join())).size > 1)
    problems.push(`${names} hold targets of different shapes`);
  if (ys.some(({ data }) => data instanceof Float32Array && !data.every(Number.isFinite)))
    problems.push(`${names}: targets hold values that are no numbers`);
  const values = joined(ys);
  // Whole numbers in several places are classes by position; one for each sample that is no class is a number.
  const single = ys.every(({ dims, data }) => data.length === dims[0]);
  const positions = whole && kind !== 'number' && !(single && values.every((v) => v >= 0));
  const note = kind === undefined && single && !positions ? [`${names}: taken for numbers, not for classes`] : [];
  return { ...none, targets: positions ? Int32Array.from(values) : Float32Array.from(values), notes: note };
}

/** The truths of some of the samples. */
export function truthsAt({ y, targets }: Pick<ArrayTruths, 'y' | 'targets'>, indices: ArrayLike<number>) {
  return {
    y: Int32Array.from(indices, (i) => y[i] as number),
    ...(targets && { targets: rowsAt(targets, targets.length / y.length, indices) }),
  };
}

/** @throws DataError `shape-mismatch` naming every problem */
export function refuseMisfits(problems: readonly string[]): void {
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
}
