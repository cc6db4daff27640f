/** The formats in which a data set can be read (packages/data). */
import { z } from 'zod';

export const DatasetFormat = z
  .enum(['csv', 'idx', 'npz', 'npy', 'ts', 'parquet', 'image-folder', 'wav-folder'])
  .meta({ id: 'DatasetFormat' });
export type DatasetFormat = z.infer<typeof DatasetFormat>;
