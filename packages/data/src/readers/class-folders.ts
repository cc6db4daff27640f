/**
 * Samples in a file each. A folder a class, optionally below folders named train, validation (or val, valid) and test; or
 * all in one folder, their names saying what they are.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { partNamed, type Part } from '../samples.js';
import { nameReader, type FileNames } from './file-names.js';
import { isHidden, LeftOut, openFolder, type Folder } from './folder-walk.js';

/** One sample's file. */
export interface Entry {
  readonly path: string;
  readonly label: string;
  readonly part: Part | null;
  readonly group?: string | null;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** Names that do not fit the pattern. */
  readonly strangers: readonly string[];
  /** What lies there and is no sample, and what was decided, in words. */
  readonly notes: readonly string[];
}

/** The classes below a folder: every folder in it, with all that lies in and below that. */
function classesIn(folder: Folder, part: Part | null, left: LeftOut): Entry[] {
  left.add('sample beside the class folders', folder.files);
  return folder.folders.flatMap((own) => {
    const paths = own.all();
    if (paths.length === 0) left.add('class folder without a sample', [own.path]);
    left.below += paths.length - own.files.length;
    return paths.map((path) => ({ path, label: own.name, part }));
  });
}

/** Folders whose names are those of parts and that hold folders of samples; none where they are classes themselves. */
function partsIn(root: Folder): { folder: Folder; part: Part }[] {
  const full = root.folders.filter((folder) => folder.all().length > 0);
  const named = full.flatMap((folder) => {
    const part = partNamed(folder.name);
    return part === null ? [] : [{ folder, part }];
  });
  const holding = named.filter(({ folder }) => folder.folders.some((below) => below.all().length > 0));
  if (holding.length === 0 && named.length < full.length) return [];
  const flat = named.filter(({ folder }) => folder.files.length > 0 && !holding.some((held) => held.folder === folder));
  const others = full.filter((folder) => !named.some((one) => one.folder === folder));
  const problems = [
    ...flat.map(({ folder }) => `'${folder.name}' is a part, and holds samples without a class folder`),
    ...(holding.length > 0 ? others.map(({ name }) => `'${name}' lies beside folders of parts, and is none`) : []),
  ];
  if (problems.length > 0)
    throw new DataError(
      'unknown-format',
      `'${root.path}': expected class folders, or class folders below ${named.map(({ folder }) => folder.name).join(', ')}: ${problems.join('; ')}`,
      { problems },
    );
  return named;
}

/** Every file of a wanted name with its class and part, in name order. */
async function classFolders(path: string, wanted: (name: string) => boolean): Promise<Listing> {
  const left = new LeftOut(path);
  const root = await openFolder(path, wanted, left);
  const parts = partsIn(root);
  if (parts.length > 0) left.add('sample beside the class folders', root.files);
  const entries =
    parts.length > 0 ? parts.flatMap(({ folder, part }) => classesIn(folder, part, left)) : classesIn(root, null, left);
  return { entries, strangers: [], notes: left.notes() };
}

/**
 * Every file of a wanted name with its class and part, in name order.
 * @throws DataError `bad-setting` as `nameReader`, `unknown-format` where folders are parts and classes at once
 */
export async function listFiles(
  root: string,
  wanted: (name: string) => boolean,
  names: FileNames | undefined,
): Promise<Listing> {
  if (!names) return classFolders(root, wanted);
  const read = nameReader(names);
  const entries: Entry[] = [];
  const strangers: string[] = [];
  const left = new LeftOut(root);
  for (const name of (await readdir(root)).sort()) {
    if (isHidden(name)) left.add('hidden', [join(root, name)]);
    else if (!wanted(name)) left.add('file or folder of another kind', [join(root, name)]);
    else {
      const found = read(name);
      if (found) entries.push({ path: join(root, name), ...found });
      else strangers.push(name);
    }
  }
  return { entries, strangers, notes: left.notes() };
}
