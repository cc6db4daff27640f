/** Inference over a whole set: logits, loss and accuracy. */
import { elementCount, encodeModel, float32, type Model, type Session, type SessionFactory } from '@verge/onnx';
import { TrainingError } from './errors.js';
import { logitsModel } from './export.js';
import { checkTrainingSamples, gatherBatch, type TrainingSamples } from './samples.js';
import { immediate } from './pause.js';

export interface PredictOptions {
  /** Rows a run; a model with a fixed batch is run with that one. */
  readonly batch?: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export interface Predictions {
  /** [samples, width], row-major. */
  readonly logits: Float32Array;
  readonly width: number;
}

function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TrainingError('cancelled', 'the run was cancelled', { cause: signal.reason });
}

/** Rows that one run takes: the model's own batch when it is fixed. */
function rowsOf(model: Model, wanted: number): number {
  const type = model.graph.inputs.find((i) => !model.graph.initializers.has(i.name))?.type;
  const first = type?.kind === 'tensor' ? type.shape?.[0] : undefined;
  return typeof first === 'number' && first > 0 ? first : wanted;
}

async function runAll(
  session: Session,
  samples: TrainingSamples,
  rows: number,
  signal?: AbortSignal,
): Promise<Predictions> {
  const count = samples.y.length;
  let logits = new Float32Array(0);
  let width = 0;
  for (let from = 0; from < count; from += rows) {
    checkCancelled(signal);
    // The last batch of a fixed-batch model is filled up by repeating the last sample.
    const indices = Int32Array.from({ length: rows }, (_, i) => Math.min(from + i, count - 1));
    const used = Math.min(rows, count - from);
    const x = float32([rows, ...samples.shape], gatherBatch(samples, indices));
    const result = (await session.run({ [session.inputNames[0]!]: x }))[session.outputNames[0]!];
    if (result?.dtype !== 'float32') throw new TrainingError('bad-model', 'the first output is not float32');
    if (width === 0) {
      width = elementCount(result.dims) / rows;
      logits = new Float32Array(count * width);
    }
    logits.set(result.data.subarray(0, used * width), from * width);
    await immediate();
  }
  return { logits, width };
}

/**
 * Runs a model over all samples. A Softmax at its end is cut off, so that logits come back.
 * @throws TrainingError `bad-samples`, `cancelled`
 */
export async function predict(
  model: Model,
  samples: TrainingSamples,
  createSession: SessionFactory,
  options: PredictOptions = {},
): Promise<Predictions> {
  checkTrainingSamples(samples, 'samples');
  checkCancelled(options.signal);
  const session = await createSession(encodeModel(logitsModel(model)), {
    threads: options.threads,
    optimization: 'all',
  });
  try {
    const rows = rowsOf(model, Math.min(options.batch ?? 256, samples.y.length));
    return await runAll(session, samples, rows, options.signal);
  } finally {
    await session.release();
  }
}

export interface Score {
  readonly samples: number;
  /** Mean cross-entropy in nats, or mean squared error for `scoreTargets`. */
  readonly loss: number;
  /** Share of samples whose largest logit is the label's. */
  readonly accuracy: number;
}

/** The index of the largest of `width` logits from `offset`; the first of equals. */
export function largest(logits: Float32Array, offset: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (logits[offset + i]! > logits[offset + best]!) best = i;
  return best;
}

/** Cross-entropy and accuracy of logits against labels, summed in double precision. */
export function score(predictions: Predictions, y: Int32Array): Score {
  const { logits, width } = predictions;
  let [loss, correct] = [0, 0];
  for (let i = 0; i < y.length; i++) {
    const row = logits.subarray(i * width, (i + 1) * width);
    const peak = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = row.reduce((sum, v) => sum + Math.exp(v - peak), 0);
    loss += peak + Math.log(total) - row[y[i]!]!;
    if (largest(row, 0, width) === y[i]) correct++;
  }
  return { samples: y.length, loss: loss / y.length, accuracy: correct / y.length };
}

/** Mean squared error of outputs against targets of the same size; accuracy is 0 by definition. */
export function scoreTargets(outputs: Float32Array, targets: Float32Array, samples: number): Score {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += (outputs[i]! - targets[i]!) ** 2;
  return { samples, loss: sum / outputs.length, accuracy: 0 };
}
