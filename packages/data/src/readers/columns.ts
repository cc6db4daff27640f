/** Which columns of a table are features and which say what is right. One code for every format that has columns. */
import { DataError } from '../errors.js';
import type { TargetKind } from './target.js';

export interface ColumnOptions {
  /** The column that says what is right: a name, or an index from 0, negative from the end. Several hold several numbers. */
  target?: string | number | readonly (string | number)[] | undefined;
  /** The same, of one column. */
  labelColumn?: string | number | undefined;
  targetKind?: TargetKind | undefined;
  /** The columns that are features; all but the target when absent. */
  featureColumns?: readonly string[] | undefined;
  /** Columns that are neither. */
  drop?: readonly string[] | undefined;
}

/** In order of precedence: a table with the columns x, y and label has its labels in the last. */
export const targetNames = ['label', 'class', 'target', 'y'];

export interface Columns {
  /** Places of the columns that say what is right; none where nothing does. */
  readonly targets: readonly number[];
  readonly features: readonly number[];
}

function oneOf(wanted: string | number, names: readonly string[], header: boolean): number | string {
  if (typeof wanted === 'number') {
    const at = wanted < 0 ? names.length + wanted : wanted;
    const exists = Number.isInteger(at) && at >= 0 && at < names.length;
    return exists ? at : `there are ${names.length} columns, no column ${wanted}`;
  }
  if (!header) return `no column '${wanted}', there is no header`;
  const at = names.indexOf(wanted);
  return at >= 0 ? at : `no column '${wanted}'`;
}

/** The places of columns by name; what is wrong goes into `problems`. */
function placesOf(
  wanted: readonly (string | number)[],
  names: readonly string[],
  header: boolean,
  problems: string[],
): number[] {
  return wanted.flatMap((one) => {
    const at = oneOf(one, names, header);
    if (typeof at === 'number') return [at];
    problems.push(at);
    return [];
  });
}

/** The column that says what is right where nobody does: one with a usual name, else the last. */
function guessTarget(names: readonly string[], usable: readonly number[]): number | undefined {
  const lower = names.map((name) => name.trim().toLowerCase());
  const found = targetNames.map((name) => lower.indexOf(name)).find((at) => at >= 0 && usable.includes(at));
  return found ?? usable.at(-1);
}

/**
 * @param names of all columns
 * @param header whether they are the file's own
 * @param left places of columns that are left out in any case, such as an index
 * @throws DataError `missing-part` naming every column that does not exist; `bad-setting`
 */
export function chooseColumns(
  path: string,
  names: readonly string[],
  options: ColumnOptions & { header?: boolean },
  left: readonly number[] = [],
): Columns {
  const { target, labelColumn, targetKind, featureColumns, drop = [], header = true } = options;
  if (target !== undefined && labelColumn !== undefined && target !== labelColumn)
    throw new DataError('bad-setting', 'target, labelColumn: both say which column is right; give one of them');
  const wanted = target ?? labelColumn;
  if (Array.isArray(wanted) && wanted.length > 1 && targetKind === 'class')
    throw new DataError('bad-setting', 'targetKind: several targets are numbers, not classes');
  const problems: string[] = [];
  const dropped = placesOf(drop, names, header, problems);
  const given = wanted === undefined ? [] : placesOf([wanted].flat() as (string | number)[], names, header, problems);
  const chosen = featureColumns && placesOf(featureColumns, names, header, problems);
  if (problems.length > 0)
    throw new DataError('missing-part', `'${path}': ${problems.join('; ')}; there are ${names.join(', ')}`, {
      problems,
    });
  const both = (chosen ?? []).filter((at) => dropped.includes(at)).concat(given.filter((at) => dropped.includes(at)));
  if (both.length > 0)
    throw new DataError('bad-setting', `drop: ${both.map((at) => names[at]).join(', ')} are asked for as well`);
  const usable = names.flatMap((_, at) => (dropped.includes(at) || left.includes(at) ? [] : [at]));
  const guess = targetKind === 'none' || given.length > 0 ? [] : [guessTarget(names, usable) ?? -1];
  const targets = targetKind === 'none' ? [] : [...given, ...guess].filter((at) => at >= 0);
  const repeated = (chosen ?? []).filter((at) => targets.includes(at));
  if (repeated.length > 0)
    throw new DataError(
      'bad-setting',
      `featureColumns: ${repeated.map((at) => names[at]).join(', ')} is the target${given.length > 0 ? '' : '; say another one with target'}`,
    );
  const features = chosen ?? usable.filter((at) => !targets.includes(at) && !given.includes(at));
  if (features.length === 0)
    throw new DataError(
      'missing-part',
      names.length < 2
        ? `'${path}' has one column; expected features and a label`
        : `'${path}' has no column of features; there are ${names.join(', ')}`,
    );
  return { targets, features };
}

/** Names as pandas makes them: an empty one is `Unnamed: 2`, the second `a` is `a.1`. */
export function uniqueNames(given: readonly string[]): string[] {
  const names = given.map((name, i) => (name === '' ? `Unnamed: ${i}` : name));
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 1; seen.has(unique); n++) {
      unique = `${name}.${n}`;
      while (taken.has(unique) && !seen.has(unique)) unique = `${name}.${++n}`;
    }
    seen.add(unique);
    return unique;
  });
}
