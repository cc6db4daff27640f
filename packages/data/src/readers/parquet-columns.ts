/** Which columns of a Parquet file say what is right, and which are the features. */
import { DataError } from '../errors.js';
import { chooseColumns } from './columns.js';
import type { OpenOptions } from './options.js';
import type { Column, ParquetFile } from './parquet-file.js';
import type { TableFacts } from './table-rows.js';

export interface Layout {
  readonly targets: readonly Column[];
  readonly features: readonly Column[];
  /** The same by place, for what reads rows. */
  readonly facts: TableFacts;
  readonly notes: readonly string[];
}

/** Columns that pandas wrote as the index of its rows. */
function indexColumns({ notes }: ParquetFile): string[] {
  try {
    const note = JSON.parse(notes.get('pandas') ?? '{}') as { index_columns?: unknown };
    const columns = Array.isArray(note.index_columns) ? note.index_columns : [];
    return columns.filter((column): column is string => typeof column === 'string');
  } catch {
    return [];
  }
}

/** @throws DataError `missing-part` naming columns that are of no use for what they are */
function checkKinds(path: string, features: readonly Column[], targets: readonly Column[]): void {
  const [bad] = targets.filter(({ kind }) => kind !== 'number' && kind !== 'text');
  if (bad)
    throw new DataError(
      'missing-part',
      `'${path}': column '${bad.name}' is no label: it holds neither numbers nor text`,
    );
  const kinds = new Set(features.map(({ kind }) => kind));
  const alone = kinds.has('numbers') || kinds.has('bytes');
  if (features.length === 0 || kinds.has('text') || kinds.has('other') || (alone && features.length > 1)) {
    const list = features.map(({ name, kind }) => `${name} (${kind})`);
    throw new DataError(
      'missing-part',
      `'${path}': expected columns of numbers, or one of lists or of bytes; there are ${list.join(', ') || 'none'}. Name them: featureColumns, or drop for those to leave out`,
      { problems: list },
    );
  }
}

/** Which column is the label, and which are the features. */
export function layoutOf(file: ParquetFile, options: OpenOptions): Layout {
  const { path, columns } = file;
  const names = columns.map(({ name }) => name);
  const index = indexColumns(file);
  const left = names.flatMap((name, at) => (index.includes(name) ? [at] : []));
  const chosen = chooseColumns(path, names, options, left);
  const of = (places: readonly number[]): Column[] => places.map((at) => columns[at] as Column);
  const [targets, others] = [of(chosen.targets), of(chosen.features)];
  const encoded = others.filter(({ kind }) => kind === 'bytes');
  // An image's other columns describe it; they are no features.
  const features = encoded.length > 0 && !options.featureColumns ? encoded : others;
  checkKinds(path, features, targets);
  const beside = others.filter((column) => !features.includes(column)).map(({ name }) => name);
  const used = left.filter((at) => !chosen.features.includes(at) && !chosen.targets.includes(at));
  return {
    targets,
    features,
    facts: {
      path,
      names,
      columns: chosen,
      numerals: { decimal: '.' },
      truths: new Set(),
      typed: true,
      positions: true,
    },
    notes: [
      ...(used.length > 0 ? [`left out, the index of pandas: ${used.map((at) => names[at]).join(', ')}`] : []),
      ...(beside.length > 0 ? [`left out, columns beside '${features[0]?.name}': ${beside.join(', ')}`] : []),
    ],
  };
}

/** Names of the classes in the note that Hugging Face leaves. */
export function notedNames({ notes }: ParquetFile, { name }: Column): string[] | null {
  try {
    const note = JSON.parse(notes.get('huggingface') ?? '{}') as {
      info?: { features?: Record<string, { names?: unknown } | undefined> };
    };
    const names = note.info?.features?.[name]?.names;
    return Array.isArray(names) && names.every((entry) => typeof entry === 'string') ? names : null;
  } catch {
    return null;
  }
}
