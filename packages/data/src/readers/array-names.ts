/** Which arrays of an NPZ, or of a folder of NPY files, are samples and what is right of them, by their names. */
import { DataError } from '../errors.js';
import { partNamed, partNames, type Part } from '../samples.js';

/** An array of samples and that of what they are; null where the samples have no labels. */
export interface ArrayPair {
  readonly x: string;
  readonly y: string | null;
  readonly part: Part | null;
  /** The array of a further input for these samples: `mask` beside x, `mask_train` beside x_train. */
  readonly further: (array: string) => string;
}

/** Names for samples and for what is right, in order of precedence. */
const pairsOfWords: readonly (readonly [x: string, y: readonly string[]])[] = [
  ['x', ['y']],
  ['images', ['labels']],
  ['image', ['label']],
  ['data', ['target', 'targets', 'labels']],
  ['features', ['labels', 'targets']],
];

interface Named {
  readonly name: string;
  readonly word: string;
  readonly part: Part | null;
  readonly further: (array: string) => string;
}

/** `x`, `x_train`, `train_x`, `xTrain`; null for a name that is not so. */
function partsOfName(name: string): Named {
  const [first = '', second, third] = name.replace(/([a-z])([A-Z])/g, '$1_$2').split(/[_-]/);
  const plain: Named = { name, word: name.toLowerCase(), part: null, further: (array) => array };
  if (second === undefined || third !== undefined) return plain;
  const [behind, before] = [partNamed(second), partNamed(first)];
  if (behind) {
    const tail = name.slice(first.length);
    return { name, word: first.toLowerCase(), part: behind, further: (array) => `${array}${tail}` };
  }
  if (!before) return plain;
  const head = name.slice(0, name.length - second.length);
  return { name, word: second.toLowerCase(), part: before, further: (array) => `${head}${array}` };
}

export interface Chosen {
  readonly pairs: readonly ArrayPair[];
  /** Arrays that go with none of the samples. */
  readonly rest: readonly string[];
}

/**
 * The pairs of arrays to read: plain x and y where they exist, else those of the parts; where no y is there at all, what there is of
 * x, without labels. Names in any case.
 * @returns null when there is no array of samples
 * @throws DataError `unknown-format` naming arrays of which is not clear which is meant, or that lack their y
 */
export function findArrays(path: string, given: Iterable<string>): Chosen | null {
  const names = [...given];
  const named = names.map(partsOfName);
  const has = (wanted: string): boolean => named.some(({ word }) => word === wanted);
  // Other names than x say too little where nothing that is right lies beside them.
  const words = pairsOfWords.find(([x, ys]) => has(x) && (x === 'x' || ys.some(has)));
  if (!words) return null;
  const [x, ys] = words;
  const y = ys.find(has);
  const plain = named.some(({ word, part }) => word === x && part === null);
  const problems: string[] = [];
  const only = (word: string | undefined, part: Part | null): Named | undefined => {
    const found = named.filter((one) => one.word === word && one.part === part);
    if (found.length > 1) problems.push(`${found.map(({ name }) => name).join(' and ')} are the same by their names`);
    return found[0];
  };
  const pairs = (plain ? [null] : partNames).flatMap((part): ArrayPair[] => {
    const [samples, right] = [only(x, part), only(y, part)];
    if (!samples && right) problems.push(`${right.name} has no samples beside it`);
    if (samples && y !== undefined && !right)
      problems.push(`${samples.name} has nothing beside it that says what is right`);
    return samples ? [{ x: samples.name, y: right?.name ?? null, part, further: samples.further }] : [];
  });
  if (problems.length > 0)
    throw new DataError('missing-part', `'${path}': ${problems.join('; ')}; it has ${names.join(', ')}`, { problems });
  const used = new Set(pairs.flatMap((pair) => [pair.x, pair.y]));
  return { pairs, rest: names.filter((name) => !used.has(name)) };
}

/** @throws DataError `missing-part`, also when there is no array of samples */
export function chosenArrays(path: string, given: Iterable<string>): Chosen {
  const names = [...given];
  const found = findArrays(path, names);
  if (found) return found;
  throw new DataError(
    'missing-part',
    `'${path}' needs the arrays x and y (or x_train, y_train, x_test, y_test); it has ${names.join(', ')}`,
  );
}

/** What is said of arrays that are not read. */
export function restNotes({ pairs, rest }: Chosen, inputs: Readonly<Record<string, string>> = {}): string[] {
  const further = pairs.flatMap((pair) => Object.values(inputs).map(pair.further));
  const unread = rest.filter((name) => !further.includes(name));
  return unread.length > 0 ? [`left out, arrays that are not read: ${unread.length} (${unread.join(', ')})`] : [];
}
