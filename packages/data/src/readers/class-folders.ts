/**
 * Samples in a file each. A folder a class, optionally below folders named train, validation (or val) and test; or all in
 * one folder, their names saying what they are.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../samples.js';
import { nameReader, type FileNames } from './file-names.js';

/** One sample's file. */
export interface Entry {
  readonly path: string;
  readonly label: string;
  readonly part: Part | null;
  readonly group?: string | null;
}

const partFolders: Readonly<Record<string, Part>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  validation: 'validation',
  test: 'test',
};

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
    .sort();
}

async function entriesOf(root: string, part: Part | null, wanted: (name: string) => boolean): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const label of await foldersIn(root)) {
    const names = (await readdir(join(root, label))).filter(wanted).sort();
    for (const name of names) entries.push({ path: join(root, label, name), label, part });
  }
  return entries;
}

/** Every file of a wanted name with its class and part, in name order. */
export async function classFolders(root: string, wanted: (name: string) => boolean): Promise<Entry[]> {
  const top = await foldersIn(root);
  const partOf = (name: string): Part | null =>
    Object.hasOwn(partFolders, name.toLowerCase()) ? (partFolders[name.toLowerCase()] as Part) : null;
  if (top.length === 0 || !top.every((name) => partOf(name) !== null)) return entriesOf(root, null, wanted);
  const entries: Entry[] = [];
  for (const name of top) entries.push(...(await entriesOf(join(root, name), partOf(name), wanted)));
  return entries;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** Names that do not fit the pattern. */
  readonly strangers: readonly string[];
}

/**
 * Every file of a wanted name with its class and part, in name order.
 * @throws DataError `bad-setting` as `nameReader`
 */
export async function listFiles(
  root: string,
  wanted: (name: string) => boolean,
  names: FileNames | undefined,
): Promise<Listing> {
  if (!names) return { entries: await classFolders(root, wanted), strangers: [] };
  const read = nameReader(names);
  const entries: Entry[] = [];
  const strangers: string[] = [];
  for (const name of (await readdir(root)).filter(wanted).sort()) {
    const found = read(name);
    if (found) entries.push({ path: join(root, name), ...found });
    else strangers.push(name);
  }
  return { entries, strangers };
}
