/** Labelled samples in memory: what training, compression and evaluation work on. */
import { createHash } from 'node:crypto';
import type { DatasetFormat } from '@verge/contracts';
import { DataError } from './errors.js';
import type { SampleLayout } from './layout.js';

export type Elements = Float32Array | Uint8Array;
/** Numbers, or class indices by position. */
export type Targets = Float32Array | Int32Array;

/** What goes into one more input of a network, one row a sample. */
export interface FurtherInput {
  readonly values: Elements;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
}

export interface Samples {
  /** All samples, row-major, one after the other. */
  readonly x: Elements;
  /** Shape of one sample, without the batch axis. */
  readonly shape: readonly number[];
  /** Class index of each sample, into `labels`; -1 throughout where samples have none. Its length is their number. */
  readonly y: Int32Array;
  /** Empty where the samples are not labelled. */
  readonly labels: readonly string[];
  readonly name: string;
  /** Which axis of a sample is what, where that is known: of pipelines, images, recordings and series, or as it was said. */
  readonly layout?: SampleLayout;
  /**
   * What an output should be, where that is no class of a sample: numbers, or class indices by position, -1 where there is none. As many
   * for each sample.
   */
  readonly targets?: Targets;
  /** Steps of each sample before padding, where the samples are series that were padded. */
  readonly lengths?: Int32Array;
  /** By the name of the model's input (`OpenOptions.inputs`); `x` goes to the one that is not named here. */
  readonly inputs?: Readonly<Record<string, FurtherInput>>;
}

export const partNames = ['train', 'validation', 'test'] as const;
export type Part = (typeof partNames)[number];

const partWords: Readonly<Record<string, Part>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  t10k: 'test',
};

/** The part that a folder or an array of this name holds, in any case; null where it is no part's name. */
export function partNamed(word: string): Part | null {
  const lower = word.toLowerCase();
  return Object.hasOwn(partWords, lower) ? (partWords[lower] as Part) : null;
}

/** A row that could not be read: where it stands and why. */
export interface UnreadableRow {
  readonly where: string;
  readonly reason: string;
}

/** The part that one of the words in a file's name says, such as `emnist-letters-test-images`; null where none does. */
export function partInName(name: string): Part | null {
  return (
    name
      .split(/[^A-Za-z0-9]+/)
      .map(partNamed)
      .find((part) => part !== null) ?? null
  );
}

/** Samples as read from a file or folder. */
export interface Dataset extends Samples {
  readonly format: DatasetFormat;
  /** Rows left out: how many, and the first of them. */
  readonly unreadable: { readonly count: number; readonly rows: readonly UnreadableRow[] };
  /** Missing values that the reader's option filled. */
  readonly filled?: number;
  /** What was left out that is no row, and what was decided where the file leaves it open, in words. */
  readonly notes?: readonly string[];
  /** The part each sample belongs to, where the data set says so itself. */
  readonly parts?: readonly Part[];
  /** Samples of the same number belong together, such as windows of one series: splits keep them in one part. */
  readonly groups?: Int32Array;
  /** The named split that the data set's descriptor asks for. */
  readonly split?: string;
}

/** Elements of one sample. */
export function sampleSize(samples: Pick<Samples, 'shape'>): number {
  return samples.shape.reduce((a, b) => a * b, 1);
}

/** Rows of `width` elements at `indices`, copied. */
export function rowsAt<T extends Elements | Targets>(values: T, width: number, indices: ArrayLike<number>): T {
  const rows = new (values.constructor as new (length: number) => T)(indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] as number;
    rows.set(values.subarray(from * width, (from + 1) * width), i * width);
  }
  return rows;
}

/** Each further input with other values. */
export function mapInputs(
  inputs: Samples['inputs'],
  turn: (values: Elements, width: number) => Elements,
): Pick<Samples, 'inputs'> {
  if (!inputs) return {};
  const turned = Object.entries(inputs).map(([name, { values, shape }]): [string, FurtherInput] => [
    name,
    { values: turn(values, sampleSize({ shape })), shape },
  ]);
  return { inputs: Object.fromEntries(turned) };
}

/** The samples at `indices`, in that order, copied. */
export function pick(samples: Samples, indices: ArrayLike<number>): Samples {
  const size = sampleSize(samples);
  const y = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] as number;
    if (!(from >= 0 && from < samples.y.length)) {
      throw new DataError('bad-setting', `sample ${from} does not exist; there are ${samples.y.length}`);
    }
    y[i] = samples.y[from] as number;
  }
  const { shape, labels, name, layout, lengths, inputs, targets } = samples;
  const x = rowsAt(samples.x, size, indices);
  const wanted = targets && rowsAt(targets, targets.length / samples.y.length, indices);
  const further = mapInputs(inputs, (values, width) => rowsAt(values, width, indices));
  const kept = lengths && Int32Array.from(indices, (from) => lengths[from] as number);
  return {
    x,
    shape,
    y,
    labels,
    name,
    ...(layout && { layout }),
    ...(wanted && { targets: wanted }),
    ...(kept && { lengths: kept }),
    ...further,
  };
}

/** Samples `from` (inclusive) to `to` (exclusive) as a view on the same memory. */
export function slice(samples: Samples, from: number, to: number): Samples {
  const size = sampleSize(samples);
  const { x, y, lengths, targets } = samples;
  const width = targets ? targets.length / y.length : 0;
  return {
    ...samples,
    x: x.subarray(from * size, to * size),
    y: y.subarray(from, to),
    ...(targets && { targets: targets.subarray(from * width, to * width) }),
    ...(lengths && { lengths: lengths.subarray(from, to) }),
    ...mapInputs(samples.inputs, (values, width) => values.subarray(from * width, to * width)),
  };
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
  for (const [name, { values, shape }] of Object.entries(samples.inputs ?? {})) {
    const needed = sampleSize({ shape }) * samples.y.length;
    if (values.length !== needed) problems.push(`inputs.${name} holds ${values.length} elements, not ${needed}`);
  }
  const { targets, labels } = samples;
  if (targets && (targets.length === 0 || targets.length % samples.y.length !== 0))
    problems.push(`targets hold ${targets.length} elements, which is no multiple of ${samples.y.length} samples`);
  const out = samples.y.findIndex((c) => (c < 0 || c >= labels.length) && !(c === -1 && labels.length === 0));
  if (out >= 0) problems.push(`y[${out}] is ${samples.y[out]}, there are ${samples.labels.length} labels`);
  if (samples.lengths) {
    // Preprocessing may have moved the steps to another axis than the first.
    const steps = Math.max(...samples.shape);
    if (samples.lengths.length !== samples.y.length)
      problems.push(`there are ${samples.lengths.length} lengths for ${samples.y.length} samples`);
    const bad = samples.lengths.findIndex((n) => n < 0 || n > steps);
    if (bad >= 0) problems.push(`lengths[${bad}] is ${samples.lengths[bad]}, a sample has ${steps} steps`);
  }
  if (problems.length > 0) throw new DataError('shape-mismatch', problems.join('; '), { problems });
}

/**
 * Digest of the content for lineage: sha256 over a canonical header (element type, shape, count, labels) and the
 * little-endian bytes of x and y, and of the targets, lengths and further inputs where there are some. The file format and the name do not enter,
 * so the same samples have one digest.
 * @returns `sha256:<hex>`
 */
export function digestOf(samples: Samples): string {
  const header = {
    dtype: samples.x instanceof Uint8Array ? 'uint8' : 'float32',
    shape: samples.shape,
    count: samples.y.length,
    labels: samples.labels,
    ...(samples.targets && { targets: samples.targets instanceof Int32Array ? 'int32' : 'float32' }),
    ...(samples.inputs && {
      inputs: Object.entries(samples.inputs).map(([name, { values, shape }]) => {
        return [name, values instanceof Uint8Array ? 'uint8' : 'float32', shape];
      }),
    }),
  };
  const hash = createHash('sha256').update(JSON.stringify(header)).update('\0');
  const further = Object.values(samples.inputs ?? {}).map(({ values }) => values);
  const own = samples.targets ? [samples.targets] : [];
  const arrays = [samples.x, samples.y, ...own, ...(samples.lengths ? [samples.lengths] : []), ...further];
  for (const part of arrays) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return `sha256:${hash.digest('hex')}`;
}
