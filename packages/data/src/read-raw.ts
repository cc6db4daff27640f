import { DataError } from './errors.js';
import { formats } from './formats.js';
import type { Located } from './locate.js';
import type { RawDataset } from './readers/raw.js';
import { windowSamples } from './windows.js';

/** Everything that the file holds, cut into windows where the options say so; before preprocessing. */
export async function readRaw({ file, isFolder, format, options, name, split }: Located): Promise<RawDataset> {
  const raw = await formats[format].read(file, isFolder, options);
  if (!options.window) return raw;
  if (raw.finished)
    throw new DataError('bad-setting', 'window: images and recordings are preprocessed one by one, not in windows');
  const unreadable = raw.unreadable ?? { count: 0, rows: [] };
  const cut = windowSamples(
    { ...raw, name, format, unreadable, ...(split !== undefined && { split }) },
    options.window,
  );
  return { ...raw, x: cut.x, shape: [...cut.shape], y: cut.y, parts: [...(cut.parts ?? [])], lengths: undefined };
}
