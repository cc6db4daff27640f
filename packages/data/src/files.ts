/** Which files are read when one file is opened: what has to travel with it. */
import type { DatasetFormat } from '@verge/contracts';
import { labelsBeside } from './readers/idx.js';
import { npyFilesOf } from './readers/npy.js';
import { seriesFilesOf } from './readers/series.js';

type Companions = (path: string) => Promise<string[]>;

const companions: Partial<Record<DatasetFormat, Companions>> = {
  idx: async (path) => [path, await labelsBeside(path)],
  npy: async (path) => [...(await npyFilesOf(path, false)).values()],
  ts: (path) => seriesFilesOf(path, false),
};

/**
 * The file itself and those beside it that `openDataset` reads with it.
 * @throws DataError `missing-part` when one that it needs is not there
 */
export async function filesOf(path: string, format: DatasetFormat): Promise<string[]> {
  return companions[format]?.(path) ?? [path];
}
