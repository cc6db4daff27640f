/** How often a classifier is right, and how fast and large it is. */
import { sampleSize, slice, type Samples } from '@verge/data';
import type { SessionOptions, Tensor } from '@verge/onnx';
import { benchmarkModel, type BenchmarkResult } from './benchmark.js';
import { RuntimeError } from './errors.js';
import { openSession, type OrtSession, type Port } from './session.js';

export interface ScoreOptions extends SessionOptions {
  /** Samples a run where the model leaves the batch size open; 64 unless told otherwise. */
  batchSize?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface Score {
  samples: number;
  /** Top-1 accuracy as a fraction. */
  accuracy: number;
  /** Fraction of samples whose class is among the five highest outputs. */
  top5: number;
  /** confusion[true class][predicted class], counts. */
  confusion: number[][];
}

export interface Evaluation extends Score {
  p50Ms: number;
  p95Ms: number;
  peakRssBytes: number;
  bytes: number;
}

const show = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** Types of an input that samples are turned into; whole numbers (token ids) lose no digits. */
const readable: readonly string[] = ['float32', 'uint8', 'int32', 'int64'];

function checkFit(input: Port | undefined, inputs: number, samples: Samples): asserts input is Port {
  const problems: string[] = [];
  if (inputs !== 1 || !input) problems.push(`the model has ${inputs} inputs, expected one`);
  else {
    if (!readable.includes(input.dtype))
      problems.push(`input '${input.name}' is ${input.dtype}, expected ${readable.join(', ')}`);
    if (input.dtype === 'uint8' && samples.x instanceof Float32Array)
      problems.push(`input '${input.name}' is uint8, the samples are float32`);
    const wanted = input.shape.slice(1);
    const fits =
      wanted.length === samples.shape.length && wanted.every((d, i) => typeof d === 'string' || d === samples.shape[i]);
    if (!fits)
      problems.push(`input '${input.name}' reads samples of ${show(wanted)}, the data has ${show(samples.shape)}`);
  }
  if (samples.y.length === 0) problems.push('there are no samples');
  if (problems.length > 0) throw new RuntimeError('bad-samples', problems.join('; '), { problems });
}

function feedOf(input: Port, batch: Samples, rows: number): Tensor {
  const dims = [rows, ...batch.shape];
  if (input.dtype === 'uint8' && batch.x instanceof Uint8Array) return { dtype: 'uint8', dims, data: batch.x };
  if (input.dtype === 'int32') return { dtype: 'int32', dims, data: Int32Array.from(batch.x) };
  if (input.dtype === 'int64')
    return {
      dtype: 'int64',
      dims,
      data: BigInt64Array.from(batch.x as ArrayLike<number>, (v) => BigInt(Math.trunc(v))),
    };
  return { dtype: 'float32', dims, data: batch.x instanceof Float32Array ? batch.x : Float32Array.from(batch.x) };
}

/** Rank of the true class among the outputs; ties go to the lower index, as argmax has it. */
function rankOf(scores: Float32Array, at: number, classes: number, truth: number): { rank: number; best: number } {
  const own = scores[at + truth] as number;
  let rank = 0;
  let best = 0;
  for (let c = 0; c < classes; c++) {
    const score = scores[at + c] as number;
    if (score > own || (score === own && c < truth)) rank++;
    if (score > (scores[at + best] as number)) best = c;
  }
  return { rank, best };
}

/**
 * Scores a session on labelled samples.
 * @throws RuntimeError `bad-samples` when samples and model do not fit; all misfits at once
 */
export async function scoreSession(session: OrtSession, samples: Samples, options: ScoreOptions = {}): Promise<Score> {
  const input = session.inputs[0];
  checkFit(input, session.inputs.length, samples);
  const fixed = input.shape[0];
  const batchSize = typeof fixed === 'number' ? fixed : (options.batchSize ?? 64);
  const total = samples.y.length;
  const classes = samples.labels.length;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let right = 0;
  let among5 = 0;
  for (let from = 0; from < total; from += batchSize) {
    options.signal?.throwIfAborted();
    const to = Math.min(total, from + batchSize);
    const outputName = session.outputNames[0] as string;
    // A fixed batch is filled up with the last samples again; only the new rows are counted.
    const start = typeof fixed === 'number' ? Math.max(0, to - batchSize) : from;
    if (to - start < batchSize && typeof fixed === 'number') {
      throw new RuntimeError('bad-samples', `the model runs batches of ${batchSize}, there are ${total} samples`);
    }
    const outputs = await session.run({ [input.name]: feedOf(input, slice(samples, start, to), to - start) }, [
      outputName,
    ]);
    const scores = outputs[outputName] as Tensor;
    if (
      scores.dtype !== 'float32' ||
      scores.data.length % (to - start) !== 0 ||
      scores.data.length / (to - start) < classes
    ) {
      throw new RuntimeError(
        'bad-samples',
        `output '${outputName}' is ${scores.dtype} ${show(scores.dims)}, expected float32 scores of ${classes} classes`,
      );
    }
    const width = scores.data.length / (to - start);
    for (let i = from; i < to; i++) {
      const truth = samples.y[i] as number;
      const { rank, best } = rankOf(scores.data, (i - start) * width, width, truth);
      if (rank === 0) right++;
      if (rank < 5) among5++;
      const row = confusion[truth] as number[];
      if (best < classes) row[best] = (row[best] ?? 0) + 1;
    }
    options.onProgress?.(to, total);
  }
  return { samples: total, accuracy: right / total, top5: among5 / total, confusion };
}

/** Loads the model, scores it, releases it. */
export async function scoreModel(model: Uint8Array, samples: Samples, options: ScoreOptions = {}): Promise<Score> {
  if (samples.x.length !== sampleSize(samples) * samples.y.length)
    throw new RuntimeError('bad-samples', 'x and y do not have the same number of samples');
  const session = await openSession(model, options);
  try {
    return await scoreSession(session, samples, options);
  } finally {
    await session.release();
  }
}

/** Scores the model, and measures latency and memory in a fresh process. */
export async function evaluate(
  model: Uint8Array,
  samples: Samples,
  options: ScoreOptions & { runs?: number; warmup?: number } = {},
): Promise<Evaluation & { benchmark: BenchmarkResult }> {
  const score = await scoreModel(model, samples, options);
  const benchmark = await benchmarkModel({ ...options, model });
  const { p50Ms, p95Ms, peakRssBytes } = benchmark;
  return { ...score, p50Ms, p95Ms, peakRssBytes, bytes: model.byteLength, benchmark };
}
