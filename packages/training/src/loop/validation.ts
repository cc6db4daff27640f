/** The exported model on the validation samples: loss, accuracy, metrics. */
import { openModel, type Model, type ModelOpener, type SessionFactory } from '@verge/onnx';
import { logitsOf } from '../export.js';
import { renameValues, valuesRead, type LossSpec } from '../losses/spec.js';
import { measureOutputs, usualMetrics, type Evaluation, type MetricName } from '../metrics/table.js';
import { immediate } from '../pause.js';
import { checkCancelled, predict, score, scoreTargets, type Score } from '../predict.js';
import { LOSS } from '../step-parts.js';
import { buildGradientModel } from '../training-model.js';
import { trainingForm } from '../transfer/form.js';
import type { PortOptions } from '../transfer/ports.js';
import { labelsOf, valuesOf } from './batches.js';
import { feedsOf, portsOf } from './feeds.js';
import { castInput, inputTypesOf } from './prepare.js';
import { mapped, sourceOf, type SampleBatch, type SampleSet, type SampleSource } from './source.js';
import { taskOf } from './task.js';

export interface ValidationOptions extends PortOptions {
  readonly createSession: SessionFactory;
  readonly loss: LossSpec;
  readonly metrics?: readonly MetricName[];
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** How sessions are opened; `openModel` of `@verge/onnx` when absent. */
  readonly open?: ModelOpener;
}

export interface Validation extends Score {
  readonly metrics: Readonly<Record<string, number>>;
}

/** Rows a run of the loss graph takes; a remainder gets a graph of its own. */
const ROWS = 256;

function joined<T extends Float32Array | Int32Array>(parts: readonly T[], empty: T): T | undefined {
  if (parts.length === 0) return undefined;
  const all = new (empty.constructor as new (length: number) => T)(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What the samples should have become, collected while they are read. */
class Wanted {
  readonly #labels: Int32Array[] = [];
  readonly #targets: Float32Array[] = [];
  readonly #own: Float32Array[] = [];

  constructor(readonly reconstructs: boolean) {}

  add(batch: SampleBatch, rows: number, used: number): void {
    const share = <T extends Float32Array | Int32Array>(all: T): T => all.subarray(0, (all.length / rows) * used) as T;
    const labels = labelsOf(batch);
    const targets = valuesOf(batch);
    if (labels) this.#labels.push(share(labels));
    if (targets) this.#targets.push(share(targets));
    else if (this.reconstructs) this.#own.push(share(Float32Array.from(batch.x)));
  }

  get labels(): Int32Array | undefined {
    return joined(this.#labels, new Int32Array(0));
  }

  /** A network without targets learns to reproduce its input. */
  get targets(): Float32Array | undefined {
    return joined(this.#targets.length > 0 ? this.#targets : this.#own, new Float32Array(0));
  }
}

/** The loss as its own graph computes it, without dropout and with running statistics; the mean weighted by rows. */
async function graphLoss(model: Model, source: SampleSource, o: ValidationOptions): Promise<number> {
  const { count, shape, inputs } = source;
  const { fixedInputs, dims, output, open = (model, how) => openModel(o.createSession, model, how) } = o;
  const loss = renameValues(o.loss, (value) => logitsOf(model, value));
  const alsoRead = valuesRead(loss);
  const { model: free } = trainingForm(model, {
    sample: { shape, inputs },
    ports: { fixedInputs, dims, output },
    alsoRead,
  });
  let sum = 0;
  const over = async (rows: number, from: number, to: number): Promise<void> => {
    const graph = buildGradientModel(free, { loss, batch: rows, wrt: [], mode: 'eval' });
    const ports = portsOf(graph.model);
    const session = await open(graph.model, { threads: o.threads, optimization: 'all' });
    try {
      for (let at = from; at < to; at += rows) {
        checkCancelled(o.signal);
        const batch = await source.read(
          Int32Array.from({ length: rows }, (_, i) => at + i),
          o.signal,
        );
        const types = inputTypesOf(graph.model);
        const whole = {
          x: castInput(batch.x, types[graph.input.name] ?? 'float32'),
          ...{ labels: labelsOf(batch), targets: valuesOf(batch), namedTargets: batch.namedTargets },
          ...(batch.inputs && { inputs: mapped(batch.inputs, (v, name) => castInput(v, types[name] ?? 'float32')) }),
        };
        const feeds = feedsOf(whole, graph.input.name, ports);
        const value = (await session.run(feeds, [LOSS]))[LOSS];
        if (value?.dtype === 'float32') sum += value.data[0]! * rows;
        await immediate();
      }
    } finally {
      await session.release();
    }
  };
  const rows = Math.min(ROWS, count);
  const whole = count - (count % rows);
  await over(rows, 0, whole);
  if (whole < count) await over(count - whole, whole, count);
  return sum / count;
}

/** Whether the loss of labels is their cross-entropy, also where the network learns from more than them. */
function countsCrossEntropy(loss: LossSpec, { labels, samples, shape }: Evaluation): boolean {
  if (taskOf(loss) !== 'classes' || labels?.length !== samples || shape.length !== 1) return false;
  if (loss.kind === 'cross-entropy') return loss.classWeights === undefined && loss.ignoreIndex === undefined;
  return loss.kind === 'distillation' || loss.kind === 'sum';
}

/**
 * Scores a model. Where each sample has one class, the loss of cross-entropy and of distillation is the cross-entropy of the
 * labels without smoothing, so that runs can be compared; that of 'mse' is summed in double precision; others are what the
 * training minimises.
 * @throws TrainingError `bad-samples`, `cancelled`
 */
export async function validate(model: Model, samples: SampleSet, o: ValidationOptions): Promise<Validation> {
  const wanted = new Wanted(taskOf(o.loss) === 'values');
  const source = sourceOf(samples);
  const { createSession, threads, signal, fixedInputs, dims, output, open } = o;
  const options = { threads, signal, fixedInputs, dims, output, open };
  const predictions = await predict(model, source, createSession, options, (batch, rows, used) =>
    wanted.add(batch, rows, used),
  );
  const evaluation: Evaluation = {
    samples: source.count,
    outputs: predictions.logits,
    shape: predictions.shape,
    labels: wanted.labels,
    targets: wanted.targets,
  };
  const metrics = measureOutputs(evaluation, o.loss, o.metrics ?? usualMetrics(o.loss));
  if (countsCrossEntropy(o.loss, evaluation)) return { ...score(predictions, evaluation.labels!), metrics };
  if (o.loss.kind === 'mse' && evaluation.targets?.length === evaluation.outputs.length) {
    return { ...scoreTargets(evaluation.outputs, evaluation.targets, source.count), metrics };
  }
  const { accuracy = 0 } = measureOutputs(evaluation, o.loss, ['accuracy']);
  return { samples: source.count, loss: await graphLoss(model, source, o), accuracy, metrics };
}
