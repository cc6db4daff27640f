/** Which options mean something for which formats: one that does not is refused, not passed over. */
import type { DatasetFormat } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { OpenOptions } from './options.js';

const text: readonly DatasetFormat[] = ['csv'];
const tables: readonly DatasetFormat[] = ['csv', 'parquet'];
const arrays: readonly DatasetFormat[] = ['npz', 'npy'];

const readers: Partial<Record<keyof OpenOptions, readonly DatasetFormat[]>> = {
  header: text,
  encoding: text,
  delimiter: text,
  decimal: text,
  thousands: text,
  comment: text,
  naValues: text,
  featureColumns: tables,
  drop: tables,
  target: tables,
  labelColumn: tables,
  targetKind: [...tables, ...arrays],
  missing: [...tables, ...arrays, 'idx', 'ts'],
  layout: [...arrays, 'idx'],
  steps: ['ts'],
  padValue: ['ts'],
  names: ['image-folder', 'wav-folder'],
  inputs: arrays,
};

/** @throws DataError `bad-setting` naming every option that the format does not have, and the formats that have it */
export function checkOptions(format: DatasetFormat, options: OpenOptions): void {
  const problems = Object.entries(options).flatMap(([name, value]) => {
    const formats = readers[name as keyof OpenOptions];
    const empty = value === undefined || (name === 'inputs' && Object.keys(value as object).length === 0);
    if (!formats || empty || formats.includes(format)) return [];
    return [`${name}: is for ${formats.join(', ')}, not for ${format}`];
  });
  if (options.missing === 'hold' && format !== 'ts' && problems.length === 0)
    problems.push(`missing: 'hold' is for ts, expected a number for ${format}`);
  if (options.window && options.layout === 'CT')
    problems.push('layout: windows are cut from samples that are stored as TC, not as CT');
  for (const name of ['delimiter', 'thousands', 'comment'] as const) {
    const value = options[name];
    if (value !== undefined && value.length !== 1 && !(name === 'delimiter' && value === 'whitespace'))
      problems.push(`${name}: expected one character${name === 'delimiter' ? ', or whitespace' : ''}, not '${value}'`);
  }
  if (problems.length > 0) throw new DataError('bad-setting', problems.join('; '), { problems });
}
