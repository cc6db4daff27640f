/** IDX pairs read by position; packed ones are unpacked to a temporary file first. */
import { basename } from 'node:path';
import { readBytes } from '../bytes.js';
import { DataError } from '../errors.js';
import { FiniteRows } from '../readers/finite.js';
import { idxHeader, idxPartsOf, labelsBeside, parseIdx, partOfName } from '../readers/idx.js';
import { gapNotes, numberedLabels } from '../readers/labels.js';
import type { OpenOptions } from '../readers/options.js';
import { PositionalFile } from './file.js';
import type { FixedRows } from './fixed-rows.js';
import { sizeOf, type RawSource } from './raw-source.js';
import { sourceOfRuns } from './runs.js';

interface Pair {
  readonly rows: FixedRows;
  readonly shape: readonly number[];
  readonly y: Int32Array;
  readonly images: string;
}

async function openPair(images: string, file: PositionalFile, options: OpenOptions): Promise<Pair> {
  const labels = await labelsBeside(images);
  const head = await file.read(0, Math.min(file.size, 4 + 4 * 255));
  const { dims, start, descr } = idxHeader(head, file.size, images);
  const y = parseIdx(await readBytes(labels, options.maxBytes), labels);
  const problems: string[] = [];
  if (dims.length < 2) problems.push(`'${images}' has rank ${dims.length}, expected at least 2`);
  if (y.dims.length !== 1) problems.push(`'${labels}' has rank ${y.dims.length}, expected 1`);
  if (dims[0] !== y.dims[0]) problems.push(`'${images}' has ${dims[0]} samples, '${labels}' has ${y.dims[0]}`);
  const classes = Int32Array.from(y.data);
  if (classes.some((c) => c < 0)) problems.push(`'${labels}' holds negative labels`);
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
  const shape = dims.slice(1);
  return { rows: { file, start, descr, width: sizeOf(shape) }, shape, y: classes, images };
}

export async function openIdx(path: string, isFolder: boolean, options: OpenOptions): Promise<RawSource> {
  const names = isFolder ? await idxPartsOf(path) : [path];
  const files: PositionalFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    const pairs: Pair[] = [];
    for (const name of names) {
      const file = await PositionalFile.open(name, options.maxUnpackedBytes);
      files.push(file);
      pairs.push(await openPair(name, file, options));
    }
    return sourceOf(pairs, new FiniteRows(path, options), close);
  } catch (error) {
    await close();
    throw error;
  }
}

function sourceOf(pairs: readonly Pair[], finite: FiniteRows, close: () => Promise<void>): RawSource {
  const { shape, images } = pairs[0] as Pair;
  const odd = pairs.find((pair) => pair.shape.join() !== shape.join());
  if (odd) throw new DataError('shape-mismatch', `'${odd.images}' has samples of another shape than '${images}'`);
  const runs = pairs.map(({ rows, y, images: name }) => ({
    rows,
    count: y.length,
    ...(pairs.length > 1 && { part: partOfName(basename(name)) }),
  }));
  const y = Int32Array.from(pairs.flatMap((pair) => [...pair.y]));
  return sourceOfRuns(runs, shape, { finite, close, truths: { y, labels: numberedLabels(y), notes: gapNotes(y) } });
}
