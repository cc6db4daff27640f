/** The formats in which a data set can be read (packages/data). */
import { z } from 'zod';

export const DatasetFormat = z.enum(['csv', 'idx', 'npz', 'npy', 'ts', 'parquet', 'image-folder', 'wav-folder']);
export type DatasetFormat = z.infer<typeof DatasetFormat>;
