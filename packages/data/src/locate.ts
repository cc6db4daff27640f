/** From a path to what is opened: the descriptor beside it, the options of both, the format. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DatasetFormat } from '@verge/contracts';
import { findDescriptor } from './descriptor.js';
import { DataError, messageOf } from './errors.js';
import { formatNames } from './formats.js';
import { checkPreprocess } from './preprocess/check.js';
import type { OpenOptions } from './readers/options.js';
import { checkOptions } from './readers/which-options.js';
import { recognise } from './recognise.js';

export interface Located {
  readonly file: string;
  readonly isFolder: boolean;
  readonly format: DatasetFormat;
  readonly options: OpenOptions;
  readonly name: string;
  readonly split: string | undefined;
}

async function isFolderAt(path: string): Promise<boolean> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new DataError('not-found', `'${path}' cannot be opened: ${messageOf(cause)}`, { cause });
  });
  return info.isDirectory();
}

/** @throws DataError `not-found`, `malformed` (descriptor), `unknown-format`, `bad-preprocess` */
export async function locate(path: string, given: OpenOptions): Promise<Located> {
  const givenFolder = await isFolderAt(path);
  const found = await findDescriptor(path, givenFolder);
  const { name = basename(path), split, file: _file, schema: _schema, ...described } = found?.descriptor ?? {};
  const options: OpenOptions = { ...described, ...given };
  const file = found?.file ?? path;
  const isFolder = found ? await isFolderAt(file) : givenFolder;
  if (options.format !== undefined && !formatNames.includes(options.format)) {
    throw new DataError(
      'unknown-format',
      `format '${options.format}' does not exist; there are ${formatNames.join(', ')}`,
    );
  }
  if (options.preprocess) checkPreprocess(options.preprocess);
  const format = options.format ?? (await recognise(file, isFolder, options));
  checkOptions(format, options);
  return { file, isFolder, format, options, name: given.name ?? name, split };
}
