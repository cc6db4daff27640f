/** Which columns of a Parquet file are the label and the features. */
import { DataError } from '../errors.js';
import type { OpenOptions } from './options.js';
import type { Column, ParquetFile } from './parquet-file.js';

const labelNames = ['label', 'class', 'target', 'y'];

export interface Layout {
  readonly label: Column;
  readonly features: readonly Column[];
}

function labelColumn({ path, columns }: ParquetFile, wanted: string | number | undefined): Column {
  const names = columns.map(({ name }) => name);
  const guess = (): number => {
    const lower = names.map((name) => name.toLowerCase());
    return lower.indexOf(labelNames.find((name) => lower.includes(name)) ?? lower.at(-1) ?? '');
  };
  const at =
    wanted === undefined
      ? guess()
      : typeof wanted === 'string'
        ? names.indexOf(wanted)
        : wanted < 0
          ? names.length + wanted
          : wanted;
  const column = columns[at];
  if (!column)
    throw new DataError('missing-part', `'${path}' has no column '${wanted}'; there are ${names.join(', ')}`);
  if (column.kind !== 'number' && column.kind !== 'text')
    throw new DataError(
      'missing-part',
      `'${path}': column '${column.name}' is no label: it holds neither numbers nor text`,
    );
  return column;
}

/** Which column is the label, and which are the features. */
export function layoutOf(file: ParquetFile, { labelColumn: wanted, featureColumns }: OpenOptions): Layout {
  const { path, columns } = file;
  const label = labelColumn(file, wanted);
  const lacking = (featureColumns ?? []).filter((name) => !columns.some((column) => column.name === name));
  if (lacking.length > 0)
    throw new DataError('missing-part', `'${path}' has no column ${lacking.join(', ')}`, { problems: lacking });
  const others = featureColumns
    ? featureColumns.map((name) => columns.find((column) => column.name === name) as Column)
    : columns.filter((column) => column !== label);
  const encoded = others.filter(({ kind }) => kind === 'bytes');
  // An image's other columns describe it; they are no features.
  const features = encoded.length > 0 && !featureColumns ? encoded : others;
  const kinds = new Set(features.map(({ kind }) => kind));
  const alone = kinds.has('numbers') || kinds.has('bytes');
  if (features.length === 0 || kinds.has('text') || kinds.has('other') || (alone && features.length > 1)) {
    const list = features.map(({ name, kind }) => `${name} (${kind})`);
    throw new DataError(
      'missing-part',
      `'${path}': expected columns of numbers, or one of lists or of bytes; there are ${list.join(', ') || 'none'}. Name them: featureColumns`,
      { problems: list },
    );
  }
  return { label, features };
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
