/** Paths of the files of a data set. They become files below a folder on a worker, so that they must stay in it. */
import { textProblem } from './text.js';

const MAX_CHARACTERS = 255;
/** What file systems take as the name of one file. */
const MAX_SEGMENT_BYTES = 255;

/** What is wrong with one path, null when nothing is: relative, `/` between names, no way out of the folder. */
export function datasetPathProblem(path: string): string | null {
  const unprintable = textProblem(path);
  if (unprintable) return unprintable;
  if (path.length < 1 || path.length > MAX_CHARACTERS) return `expected 1 to ${MAX_CHARACTERS} characters`;
  if (path.includes('\\')) return 'expected / between folders, not a backslash';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'expected a path relative to the data set';
  for (const name of path.split('/')) {
    if (name === '') return 'expected no empty name between two /, nor a / at the end';
    if (name === '.' || name === '..') return `expected no ${name} in the path`;
    if (/[. ]$/.test(name)) return 'expected no name that ends in a dot or a space: some file systems drop them';
    const bytes = new TextEncoder().encode(name).length;
    if (bytes > MAX_SEGMENT_BYTES) return `expected names of at most ${MAX_SEGMENT_BYTES} bytes of UTF-8`;
  }
  return null;
}

/** The name under which a file system that ignores case and Unicode's forms would keep a path. */
const folded = (path: string): string => path.normalize('NFC').toLowerCase();

/** What is wrong with the paths of one data set, by the index of the file. */
export function datasetPathProblems(paths: readonly string[]): { index: number; detail: string }[] {
  const problems: { index: number; detail: string }[] = [];
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  paths.forEach((path, index) => {
    const own = datasetPathProblem(path);
    if (own) return problems.push({ index, detail: own });
    const key = folded(path);
    const twin = files.get(key);
    if (twin === path) problems.push({ index, detail: 'expected a path that occurs once' });
    else if (twin !== undefined)
      problems.push({ index, detail: `expected a path that differs from ${twin} in more than case or Unicode form` });
    files.set(key, path);
    for (let end = key.indexOf('/'); end >= 0; end = key.indexOf('/', end + 1)) folders.set(key.slice(0, end), path);
    return undefined;
  });
  paths.forEach((path, index) => {
    const below = folders.get(folded(path));
    if (below !== undefined) problems.push({ index, detail: `expected a file that is not also a folder, of ${below}` });
  });
  return problems;
}
