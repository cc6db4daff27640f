/** Folders of files as they lie on a disk: links are followed, what systems hide is left out and counted. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';

/** `.name` and `._name`, and what macOS puts into archives. */
export const isHidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX';

/** Names in a folder that are not hidden, in order. */
export async function visibleIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !isHidden(name)).sort();
}

/** What was left out, by kind, with its first names. */
export class LeftOut {
  readonly #kinds = new Map<string, string[]>();
  /** Samples that lie below their class's folder, not in it. */
  below = 0;

  constructor(private readonly root: string) {}

  /** @param what one of them, in the singular */
  add(what: string, paths: readonly string[]): void {
    const known = this.#kinds.get(what) ?? [];
    for (const path of paths) known.push(path);
    this.#kinds.set(what, known);
  }

  notes(): string[] {
    const notes = [...this.#kinds].flatMap(([what, paths]) => {
      if (paths.length === 0) return [];
      const names = paths.slice(0, 3).map((path) => relative(this.root, path));
      return [`left out, ${what}: ${paths.length} (${names.join(', ')}${paths.length > 3 ? ', …' : ''})`];
    });
    if (this.below > 0) notes.push(`${this.below} samples lie in folders below their class's, and are of that class`);
    return notes;
  }
}

/** The samples in a folder and below it. */
export class Folder {
  constructor(
    readonly path: string,
    readonly name: string,
    /** Paths of the samples that lie in it, in name order. */
    readonly files: readonly string[],
    readonly folders: readonly Folder[],
  ) {}

  /** All samples in it and below. */
  all(): string[] {
    return [...this.files, ...this.folders.flatMap((folder) => folder.all())];
  }
}

/**
 * @param wanted whether a file of this name is a sample
 * @param above real paths of the folders around it: a link to one of them would never end
 */
export async function openFolder(
  path: string,
  wanted: (name: string) => boolean,
  left: LeftOut,
  above: readonly string[] = [],
): Promise<Folder> {
  const real = await realpath(path);
  const files: string[] = [];
  const folders: Folder[] = [];
  for (const name of (await readdir(path)).sort()) {
    const own = join(path, name);
    if (isHidden(name)) {
      left.add('hidden', [own]);
      continue;
    }
    const info = await stat(own).catch(() => null);
    if (info === null) left.add('link to nothing', [own]);
    else if (info.isDirectory()) {
      const target = await realpath(own);
      if (target === real || above.includes(target)) left.add('link to a folder around it', [own]);
      else folders.push(await openFolder(own, wanted, left, [...above, real]));
    } else if (info.isFile() && wanted(name)) files.push(own);
    else left.add('file of another kind', [own]);
  }
  return new Folder(path, basename(path), files, folders);
}
