import { DataError } from './errors.js';
import { formats } from './formats.js';
import type { Located } from './locate.js';
import type { RawDataset } from './readers/raw.js';
import { windowSamples } from './windows.js';

/** Everything that the file holds, cut into windows where the options say so; before preprocessing. */
export async function readRaw({ file, isFolder, format, options, name }: Located): Promise<RawDataset> {
  const further = Object.keys(options.inputs ?? {});
  if (further.length > 0 && options.window)
    throw new DataError('bad-setting', 'window: samples of several inputs are not cut into windows');
  const raw = await formats[format].read(file, isFolder, options);
  if (!options.window) return raw;
  if (raw.finished)
    throw new DataError('bad-setting', 'window: images and recordings are preprocessed one by one, not in windows');
  const unreadable = raw.unreadable ?? { count: 0, rows: [] };
  if (raw.targets) throw new DataError('bad-setting', 'window: samples with targets are not cut into windows');
  const { x, shape, y, parts, groups } = windowSamples({ ...raw, name, format, unreadable }, options.window);
  return { ...raw, x, shape: [...shape], y, groups, lengths: undefined, ...(parts && { parts: [...parts] }) };
}
