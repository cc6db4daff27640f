/** How often a classifier is right, and how fast and large it is. */
import { sampleSize, slice, type Samples } from '@verge/data';
import {
  bfloat16Value,
  classLabelsOf,
  decodeModel,
  describeEdgeChange,
  float16Value,
  type SessionOptions,
  type Tensor,
} from '@verge/onnx';
import { benchmarkModel, type BenchmarkResult } from './benchmark.js';
import { RuntimeError } from './errors.js';
import { headOf, sourceBytes, type ModelSource } from './model-source.js';
import { chosenOutput, type ClassOutput } from './scores/choose.js';
import { LabelReader, type Matching, placesOf } from './scores/classes.js';
import { feedingOf, type FeedingOptions, sizesOf } from './scores/feed.js';
import { openSession, type OrtSession } from './session.js';

export interface ScoreOptions extends SessionOptions, FeedingOptions {
  /** Samples a run where the model leaves the batch size open; 64 unless told otherwise. */
  batchSize?: number;
  /** The output that says the class; chosen by type when absent (`classOutput`). */
  output?: string;
  /** Classes of the model in the order of its scores, where the model does not say them itself. */
  classNames?: readonly string[];
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface Score {
  samples: number;
  /** Top-1 accuracy as a fraction. */
  accuracy: number;
  /** Fraction of samples whose class is among the five highest scores; null where the model gives labels alone. */
  top5: number | null;
  /** confusion[true class][predicted class], counts. */
  confusion: number[][];
  /** What was chosen and changed, in words, where the model is more than one output of scores. */
  notes: string[];
}

export interface Evaluation extends Score {
  p50Ms: number;
  p95Ms: number;
  peakRssBytes: number;
  bytes: number;
}

/** What the model answered to one sample. */
interface Answer {
  /** Index into the data's classes; -1 for a class that the data does not have. */
  readonly best: number;
  /** How many classes have a higher score than the true one; null where there are no scores. */
  readonly rank: number | null;
}

/** Rank of the true class among the scores; ties go to the lower index, as argmax has it. */
function rankOf(scores: ArrayLike<number>, at: number, width: number, truth: number): { rank: number; best: number } {
  // A class that the model does not know comes after all that it does.
  const own = truth >= 0 ? (scores[at + truth] as number) : -Infinity;
  let rank = truth >= 0 ? 0 : width;
  let best = 0;
  for (let c = 0; c < width; c++) {
    const score = scores[at + c] as number;
    if (truth >= 0 && (score > own || (score === own && c < truth))) rank++;
    if (score > (scores[at + best] as number)) best = c;
  }
  return { rank, best };
}

/** Reads one output, whatever it says the classes by. */
interface Reader {
  readonly by: Matching;
  /** @param truths the true classes of the rows from `from` on */
  read(output: Tensor, rows: number, from: number, truths: ArrayLike<number>): Answer[];
}

function scoresOf(output: Tensor): ArrayLike<number> | null {
  if (output.dtype === 'float32' || output.dtype === 'float64') return output.data;
  if (output.dtype === 'float16') return Float32Array.from(output.data, float16Value);
  return output.dtype === 'bfloat16' ? Float32Array.from(output.data, bfloat16Value) : null;
}

function scoreReader(name: string, labels: readonly string[], columns: readonly string[] | null): Reader {
  const matched = columns && placesOf(columns, labels);
  const classes = labels.length;
  return {
    by: matched?.by ?? 'position',
    read(output, rows, from, truths) {
      const scores = scoresOf(output);
      const width = scores ? scores.length / rows : 0;
      if (!scores || !Number.isInteger(width) || width < (columns?.length ?? classes) || width < 1)
        throw new RuntimeError(
          'bad-samples',
          `output '${name}' is ${output.dtype} [${output.dims.join(', ')}], expected float scores of ${columns?.length ?? classes} classes`,
        );
      const places = matched?.places ?? Array.from({ length: width }, (_, i) => i);
      return Array.from(truths, (truth, i) => {
        const { rank, best } = rankOf(scores, (from + i) * width, width, places.indexOf(truth));
        return { rank, best: places[best] ?? -1 };
      });
    },
  };
}

function labelReader(name: string, labels: readonly string[], classes: readonly string[] | null): Reader {
  const reader = new LabelReader(labels, classes);
  return {
    get by() {
      return reader.by;
    },
    read(output, rows, from, truths) {
      if (output.data.length !== rows)
        throw new RuntimeError(
          'bad-samples',
          `output '${name}' is ${output.dtype} [${output.dims.join(', ')}], expected a label for each of ${rows} samples`,
        );
      const names = Array.from(output.data as ArrayLike<string | number | bigint>, String);
      return reader.read(names.slice(from, from + truths.length)).map((best) => ({ best, rank: null }));
    },
  };
}

/** Classes that the scores of an output are in the order of, as far as the session knows: what a ZipMap named. */
function columnsIn(session: OrtSession, name: string): readonly string[] | null {
  for (const change of session.changes) if (change.kind === 'zipmap' && change.output === name) return change.labels;
  return null;
}

/**
 * Scores a session on labelled samples.
 * @throws RuntimeError `bad-samples` when samples and model do not fit; all misfits at once. `bad-output` when no output
 *   says classes
 */
export async function scoreSession(session: OrtSession, samples: Samples, options: ScoreOptions = {}): Promise<Score> {
  const feeding = feedingOf(session.inputs, samples, options);
  const { labels } = samples;
  const output = chosenOutput(session.outputs, options.output, labels.length);
  const columns = columnsIn(session, output.name) ?? options.classNames ?? null;
  const reader = (output.kind === 'scores' ? scoreReader : labelReader)(output.name, labels, columns);
  const fixed = feeding.main.shape[0];
  const batchSize = typeof fixed === 'number' ? fixed : (options.batchSize ?? 64);
  const total = samples.y.length;
  const classes = labels.length;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let right = 0;
  let among5: number | null = 0;
  for (let from = 0; from < total; from += batchSize) {
    options.signal?.throwIfAborted();
    const to = Math.min(total, from + batchSize);
    // A fixed batch is filled up with the last samples again; only the new rows are counted.
    const start = typeof fixed === 'number' ? Math.max(0, to - batchSize) : from;
    if (to - start < batchSize && typeof fixed === 'number') {
      throw new RuntimeError('bad-samples', `the model runs batches of ${batchSize}, there are ${total} samples`);
    }
    const rows = to - start;
    const outputs = await session.run(feeding.feeds(slice(samples, start, to), rows), [output.name]);
    const truths = samples.y.subarray(from, to);
    const answers = reader.read(outputs[output.name] as Tensor, rows, from - start, truths);
    answers.forEach(({ best, rank }, i) => {
      const truth = truths[i] as number;
      if (best === truth) right++;
      among5 = rank === null ? null : (among5 ?? 0) + (rank < 5 ? 1 : 0);
      const row = confusion[truth] as number[];
      if (best >= 0 && best < classes) row[best] = (row[best] ?? 0) + 1;
    });
    options.onProgress?.(to, total);
  }
  return {
    samples: total,
    accuracy: right / total,
    top5: among5 === null ? null : among5 / total,
    confusion,
    notes: notesOn(session, output, reader.by, columns !== null || output.kind === 'labels'),
  };
}

/** What a reader of the figures has to know: nothing for a model with one output of scores. */
function notesOn(session: OrtSession, output: ClassOutput, by: Matching, named: boolean): string[] {
  const what = output.kind === 'scores' ? 'scores' : 'labels';
  return [
    ...session.changes.map(describeEdgeChange),
    ...(session.outputs.length > 1 || output.kind === 'labels'
      ? [`classes are read from the ${what} of output '${output.name}'`]
      : []),
    ...(named ? [`the classes of the model are matched with those of the data by ${by}`] : []),
  ];
}

/**
 * Classes that the one classifier node of a model names. Only looked for where an output holds labels beside scores, as
 * exporters of classical models write it: a large network need not be read twice.
 */
function classesNamed(session: OrtSession, model: ModelSource): readonly string[] | null {
  if (session.outputs.every((port) => port.dtype !== 'string' && port.dtype !== 'int64')) return null;
  const lists = decodeModel(headOf(model)).graph.nodes.flatMap((node) => [classLabelsOf(node) ?? []]);
  const named = new Map(lists.filter((list) => list.length > 0).map((list) => [list.join('\n'), list]));
  return named.size === 1 ? [...named.values()][0]! : null;
}

/** Loads the model, scores it, releases it. */
export async function scoreModel(model: ModelSource, samples: Samples, options: ScoreOptions = {}): Promise<Score> {
  if (samples.x.length !== sampleSize(samples) * samples.y.length)
    throw new RuntimeError('bad-samples', 'x and y do not have the same number of samples');
  const session = await openSession(model, options);
  try {
    const classes = options.classNames ?? classesNamed(session, model);
    return await scoreSession(session, samples, { ...options, ...(classes && { classNames: classes }) });
  } finally {
    await session.release();
  }
}

/** Scores the model, and measures latency and memory in a fresh process. */
export async function evaluate(
  model: ModelSource,
  samples: Samples,
  options: ScoreOptions & { runs?: number; warmup?: number } = {},
): Promise<Evaluation & { benchmark: BenchmarkResult }> {
  const score = await scoreModel(model, samples, options);
  const benchmark = await benchmarkModel({ ...options, feeds: sizesOf(samples, options), model });
  const { p50Ms, p95Ms, peakRssBytes } = benchmark;
  return { ...score, p50Ms, p95Ms, peakRssBytes, bytes: sourceBytes(model), benchmark };
}
