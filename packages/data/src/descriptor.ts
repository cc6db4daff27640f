/** `dataset.json` beside the data: what the file is, so that the folder alone suffices to open it. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DatasetFormat, datasetOptions, fieldErrors, Preprocess } from '@verge/contracts';
import { z } from 'zod';
import { DataError, messageOf } from './errors.js';
import { FileNames } from './readers/file-names.js';

export const DatasetDescriptor = z.strictObject({
  schema: z.literal('verge.dataset/1'),
  name: z.string().min(1),
  /** Name of the file or folder beside the descriptor; `.` is the descriptor's own folder. */
  file: z
    .string()
    .min(1)
    .refine(
      (name) => name === basename(name) && name !== '..',
      'expected a file or folder name without folders before it',
    ),
  format: DatasetFormat,
  ...datasetOptions,
  labelColumn: z.union([z.string(), z.int()]).optional(),
  window: z.strictObject({ length: z.int().min(1), hop: z.int().min(1).optional() }).optional(),
  names: FileNames.optional(),
  preprocess: Preprocess.optional(),
  /** The named split that the data set is used with. */
  split: z.string().optional(),
});
export type DatasetDescriptor = z.infer<typeof DatasetDescriptor>;

/**
 * The descriptor that speaks of `path`: in the folder, or beside the file it names.
 * @returns null when there is none
 * @throws DataError `malformed` listing every bad field
 */
export async function findDescriptor(
  path: string,
  isFolder: boolean,
): Promise<{ descriptor: DatasetDescriptor; file: string } | null> {
  const folder = isFolder ? path : dirname(path);
  const at = join(folder, 'dataset.json');
  const text = await readFile(at, 'utf8').catch(() => null);
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DataError('malformed', `'${at}' is no JSON: ${messageOf(cause)}`, { cause });
  }
  const parsed = DatasetDescriptor.safeParse(json);
  if (!parsed.success) {
    const problems = fieldErrors(parsed.error).map(
      ({ field, detail }) => `${field.slice(1).replaceAll('/', '.') || 'dataset'}: ${detail}`,
    );
    throw new DataError('malformed', `'${at}' does not describe a data set: ${problems.join('; ')}`, { problems });
  }
  if (!isFolder && parsed.data.file !== basename(path)) return null;
  return { descriptor: parsed.data, file: join(folder, parsed.data.file) };
}
