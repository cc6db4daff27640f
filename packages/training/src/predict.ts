/** Inference over a whole set: outputs, loss and accuracy. */
import {
  elementCount,
  openModel,
  withoutZipMap,
  type Model,
  type ModelOpener,
  type Session,
  type SessionFactory,
  type Tensor,
  type ValueInfo,
} from '@verge/onnx';
import { TrainingError } from './errors.js';
import { logitsModel } from './export.js';
import { inputTensor } from './loop/feeds.js';
import { castInput, inputTypesOf, type InputType } from './loop/prepare.js';
import {
  checkBatch,
  checkSampleSet,
  sourceOf,
  type SampleBatch,
  type SampleSet,
  type SampleSource,
} from './loop/source.js';
import { immediate } from './pause.js';
import { bindPorts, mainInput, trainedOutput, type PortOptions } from './transfer/ports.js';

export interface PredictOptions extends PortOptions {
  /** Rows a run; a model with a fixed batch is run with that one. */
  readonly batch?: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** How sessions are opened; `openModel` of `@verge/onnx` when absent. */
  readonly open?: ModelOpener;
}

export interface Predictions {
  /** [samples, width], row-major. */
  readonly logits: Float32Array;
  readonly width: number;
  /** Shape of one output; its product is `width`. */
  readonly shape: readonly number[];
}

/** @throws TrainingError `cancelled` when the signal has asked for it */
export function checkCancelled(signal: AbortSignal | undefined, what = 'run'): void {
  if (signal?.aborted) throw new TrainingError('cancelled', `the ${what} was cancelled`, { cause: signal.reason });
}

/** Rows that one run takes: the model's own batch when it is fixed. */
function rowsOf(input: ValueInfo | undefined, wanted: number): number {
  const type = input?.type;
  const first = type?.kind === 'tensor' ? type.shape?.[0] : undefined;
  return typeof first === 'number' && first > 0 ? first : wanted;
}

/** Sees each batch as it was read, how many rows it has, and how many of them are new. */
export type OnBatch = (batch: SampleBatch, rows: number, used: number) => void;

interface Reading {
  readonly source: SampleSource;
  readonly rows: number;
  /** The model's input that the samples' `x` goes to. */
  readonly main: string;
  readonly types: Readonly<Record<string, InputType>>;
  readonly signal?: AbortSignal;
  readonly onBatch?: OnBatch;
}

/** The samples' further inputs that the model reads. */
function othersIn({ inputs = {} }: SampleSource, batch: SampleBatch, { rows, types }: Reading): Record<string, Tensor> {
  const read = Object.entries(inputs).filter(([name]) => types[name] !== undefined);
  return Object.fromEntries(
    read.map(([name, shape]) => [name, inputTensor(castInput(batch.inputs![name]!, types[name]!), [rows, ...shape])]),
  );
}

async function runAll(session: Session, reading: Reading): Promise<Predictions> {
  const { source, rows, main, types, signal, onBatch } = reading;
  const { count, shape } = source;
  let logits = new Float32Array(0);
  let [width, outputShape]: [number, readonly number[]] = [0, []];
  for (let from = 0; from < count; from += rows) {
    checkCancelled(signal);
    // The last batch of a fixed-batch model is filled up by repeating the last sample.
    const indices = Int32Array.from({ length: rows }, (_, i) => Math.min(from + i, count - 1));
    const used = Math.min(rows, count - from);
    const batch = await source.read(indices, signal);
    checkBatch(batch, rows, source, 'samples');
    const x = inputTensor(castInput(batch.x, types[main]!), [rows, ...shape]);
    const feeds = { [main]: x, ...othersIn(source, batch, reading) };
    const result = (await session.run(feeds, [session.outputNames[0]!]))[session.outputNames[0]!];
    if (result?.dtype !== 'float32')
      throw new TrainingError('bad-model', `the output '${session.outputNames[0]!}' is not float32`);
    if (width === 0) {
      width = elementCount(result.dims) / rows;
      outputShape = result.dims.slice(1);
      logits = new Float32Array(count * width);
    }
    logits.set(result.data.subarray(0, used * width), from * width);
    onBatch?.(batch, rows, used);
    await immediate();
  }
  return { logits, width, shape: outputShape };
}

/** The model with the ports that the options speak of, and with the output that is trained first; as it is where nothing is to do. */
function boundTo(given: Model, source: SampleSource, { fixedInputs, dims, output }: PortOptions): Model {
  const { model } = withoutZipMap(given);
  const first = trainedOutput(model.graph, output) === model.graph.outputs[0];
  if (fixedInputs === undefined && dims === undefined && first) return model;
  const { shape, inputs = {} } = source;
  const known = model.graph.inputs.map((i) => i.name);
  const read = Object.fromEntries(Object.entries(inputs).filter(([name]) => known.includes(name)));
  return bindPorts(model, { shape, inputs: read }, { fixedInputs, dims, output });
}

/**
 * Runs a model over all samples. A Softmax at its end is cut off, so that logits come back.
 * @throws TrainingError `bad-samples`, `bad-model`, `cancelled`
 */
export async function predict(
  model: Model,
  samples: SampleSet,
  createSession: SessionFactory,
  options: PredictOptions = {},
  onBatch?: OnBatch,
): Promise<Predictions> {
  checkSampleSet(samples, 'samples');
  checkCancelled(options.signal);
  const source = sourceOf(samples);
  const logits = logitsModel(boundTo(model, source, options));
  const main = mainInput(logits.graph, source.inputs);
  if (!main) throw new TrainingError('bad-model', "the model has no input that the samples' x could go to");
  const { open = (graph, how) => openModel(createSession, graph, how) } = options;
  const session = await open(logits, { threads: options.threads, optimization: 'all' });
  try {
    const rows = rowsOf(main, Math.min(options.batch ?? 256, source.count));
    return await runAll(session, {
      ...{ source, rows, main: main.name, types: inputTypesOf(logits) },
      ...{ signal: options.signal, onBatch },
    });
  } finally {
    await session.release();
  }
}

export interface Score {
  readonly samples: number;
  /** Mean cross-entropy in nats, mean squared error for `scoreTargets`, or the value of another loss. */
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
export function score(predictions: Pick<Predictions, 'logits' | 'width'>, y: Int32Array): Score {
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
