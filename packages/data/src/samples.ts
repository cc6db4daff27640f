/** Labelled samples in memory: what training, compression and evaluation work on. */
import { createHash } from 'node:crypto';
import { DataError } from './errors.js';

export type Elements = Float32Array | Uint8Array;

export interface Samples {
  /** All samples, row-major, one after the other. */
  readonly x: Elements;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
  /** Class index of each sample, into `labels`. */
  readonly y: Int32Array;
  readonly labels: readonly string[];
  readonly name: string;
}

export const partNames = ['train', 'validation', 'test'] as const;
export type Part = (typeof partNames)[number];

/** A row that could not be read: where it stands and why. */
export interface UnreadableRow {
  readonly where: string;
  readonly reason: string;
}

/** Samples as read from a file or folder. */
export interface Dataset extends Samples {
  readonly format: string;
  /** Rows left out: how many, and the first of them. */
  readonly unreadable: { readonly count: number; readonly rows: readonly UnreadableRow[] };
  /** The part each sample belongs to, where the data set says so itself. */
  readonly parts?: readonly Part[];
  /** The named split that the data set's descriptor asks for. */
  readonly split?: string;
}

/** Elements of one sample. */
export function sampleSize(samples: Pick<Samples, 'shape'>): number {
  return samples.shape.reduce((a, b) => a * b, 1);
}

/** The samples at `indices`, in that order, copied. */
export function pick(samples: Samples, indices: ArrayLike<number>): Samples {
  const size = sampleSize(samples);
  const x =
    samples.x instanceof Uint8Array ? new Uint8Array(indices.length * size) : new Float32Array(indices.length * size);
  const y = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] as number;
    if (!(from >= 0 && from < samples.y.length)) {
      throw new DataError('bad-setting', `sample ${from} does not exist; there are ${samples.y.length}`);
    }
    x.set(samples.x.subarray(from * size, (from + 1) * size), i * size);
    y[i] = samples.y[from] as number;
  }
  return { x, shape: samples.shape, y, labels: samples.labels, name: samples.name };
}

/** Samples `from` (inclusive) to `to` (exclusive) as a view on the same memory. */
export function slice(samples: Samples, from: number, to: number): Samples {
  const size = sampleSize(samples);
  return { ...samples, x: samples.x.subarray(from * size, to * size), y: samples.y.subarray(from, to) };
}

/** @throws DataError `shape-mismatch` when lengths, shape and labels do not agree; all disagreements at once. */
export function checkSamples(samples: Samples): void {
  const problems: string[] = [];
  const size = sampleSize(samples);
  if (samples.shape.some((d) => !Number.isInteger(d) || d < 1))
    problems.push(`shape [${samples.shape.join(', ')}] is not positive`);
  if (samples.x.length !== size * samples.y.length) {
    problems.push(
      `x holds ${samples.x.length} elements, ${samples.y.length} samples of ${size} need ${size * samples.y.length}`,
    );
  }
  const out = samples.y.findIndex((c) => c < 0 || c >= samples.labels.length);
  if (out >= 0) problems.push(`y[${out}] is ${samples.y[out]}, there are ${samples.labels.length} labels`);
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
}

/**
 * Digest of the content for lineage: sha256 over a canonical header (element type, shape, count, labels) and the
 * little-endian bytes of x and y. The file format and the name do not enter, so the same samples have one digest.
 * @returns `sha256:<hex>`
 */
export function digestOf(samples: Samples): string {
  const header = {
    dtype: samples.x instanceof Uint8Array ? 'uint8' : 'float32',
    shape: samples.shape,
    count: samples.y.length,
    labels: samples.labels,
  };
  const hash = createHash('sha256').update(JSON.stringify(header)).update('\0');
  for (const part of [samples.x, samples.y]) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return `sha256:${hash.digest('hex')}`;
}
