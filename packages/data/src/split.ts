/**
 * Named splits. A split is a fixed function of a sample's index (and, for the random ones, of the number of samples), so
 * that the test part is the same for everybody, for ever. Where samples belong together, it is one of their group's index.
 */
import { DataError } from './errors.js';
import { Random } from './random.js';
import { partNames, pick, type Dataset, type Part, type Samples } from './samples.js';

export type SplitIndices = Readonly<Record<Part, Uint32Array>>;

/** What a split has to know of a data set. */
type Divisible = Pick<Samples, 'y'> & Pick<Partial<Dataset>, 'parts' | 'split' | 'groups'>;

type Rule = (count: number) => (index: number) => Part;

const rules = {
  /** Row i is test when i % 5 = 4, validation when i % 10 = 8, else train: 70 %, 10 %, 20 %. */
  'digits-v1': () => (i) => (i % 5 === 4 ? 'test' : i % 10 === 8 ? 'validation' : 'train'),
  /** A seeded shuffle: the first 80 % train, then 10 % validation, 10 % test. */
  'random-80-10-10': (count) => {
    const rank = new Uint32Array(count);
    new Random(20_240_229).permutation(count).forEach((index, place) => (rank[index] = place));
    const train = Math.round(count * 0.8);
    const validation = Math.round(count * 0.9);
    return (i) => {
      const place = rank[i] as number;
      return place < train ? 'train' : place < validation ? 'validation' : 'test';
    };
  },
} satisfies Record<string, Rule>;

export type SplitName = keyof typeof rules;

export const splitNames = Object.keys(rules) as SplitName[];

const isSplitName = (name: string): name is SplitName => Object.hasOwn(rules, name);

/**
 * Indices of each part.
 * @param name a named split, or 'auto': the data set's own parts, else the split its descriptor names, else
 *   `random-80-10-10`
 * @throws DataError `bad-split` for a name that does not exist
 */
export function splitIndices(data: Divisible, name = 'auto'): SplitIndices {
  const count = data.y.length;
  const { groups } = data;
  const units = groups ? groups.reduce((most, group) => Math.max(most, group + 1), 0) : count;
  const unitOf = (index: number): number => groups?.[index] ?? index;
  const chosen = name === 'auto' ? (data.parts ? 'own' : (data.split ?? 'random-80-10-10')) : name;
  let partOf: (index: number) => Part;
  if (chosen === 'own' && data.parts) {
    const own = withValidation(data.parts, unitOf);
    partOf = (i) => own[i] as Part;
  } else if (isSplitName(chosen)) {
    const rule = rules[chosen](units);
    partOf = (i) => rule(unitOf(i));
  } else if (chosen === 'own') {
    throw new DataError('bad-split', "split 'own': the data set names no parts of its own");
  } else {
    throw new DataError('bad-split', `split '${chosen}' does not exist; there are auto, own, ${splitNames.join(', ')}`);
  }
  const parts: Record<Part, number[]> = { train: [], validation: [], test: [] };
  for (let i = 0; i < count; i++) parts[partOf(i)].push(i);
  return {
    train: Uint32Array.from(parts.train),
    validation: Uint32Array.from(parts.validation),
    test: Uint32Array.from(parts.test),
  };
}

/**
 * A data set that names no validation part gives every tenth training sample to it (where samples belong together, every
 * tenth group); the test part stays as it is.
 */
function withValidation(parts: readonly Part[], unitOf: (index: number) => number): readonly Part[] {
  if (parts.includes('validation')) return parts;
  const places = new Map<number, number>();
  return parts.map((part, i) => {
    if (part !== 'train') return part;
    const unit = unitOf(i);
    const place = places.get(unit) ?? places.size;
    places.set(unit, place);
    return place % 10 === 9 ? 'validation' : part;
  });
}

/** The parts as samples of their own (copies). */
export function splitSamples(data: Samples & Divisible, name = 'auto'): Record<Part, Samples> {
  const indices = splitIndices(data, name);
  const take = (part: Part): Samples => ({ ...pick(data, indices[part]), name: `${data.name}/${part}` });
  return { train: take('train'), validation: take('validation'), test: take('test') };
}

/**
 * One part of a data set, or all of it.
 * @throws DataError `bad-split` when the part is empty or does not exist
 */
export function selectPart(data: Dataset, part: Part | 'all', split = 'auto'): Samples {
  if (part === 'all') return data;
  if (!partNames.includes(part))
    throw new DataError('bad-split', `part '${part}' does not exist; there are all, ${partNames.join(', ')}`);
  const chosen = splitSamples(data, split)[part];
  if (chosen.y.length === 0) throw new DataError('bad-split', `the ${part} part of '${data.name}' is empty`);
  return chosen;
}
