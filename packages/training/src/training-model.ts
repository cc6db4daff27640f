/** From a forward model to graphs that train it: the step, the gradients alone, and products with the Jacobian. */
import { int, type Model } from '@verge/onnx';
import { checkDifferentiable, writeBackward, writeForward } from './backward.js';
import { refuse } from './errors.js';
import { prepareForward, type Forward } from './forward.js';
import { DROPOUT_SEED } from './gradients/dropout.js';
import type { Mode } from './gradients/row.js';
import { valuesRead, writeLoss, type LossSpec } from './losses.js';
import { trainableBy } from './optimizers.js';
import { findParameters } from './parameters.js';
import {
  finish,
  LOSS,
  OUTPUT,
  publish,
  publishForward,
  startTape,
  writeGradient,
  writeNext,
  portsOf,
  type GradientOptions,
  type InputPort,
  type StepPorts,
  type UpdateOptions,
} from './step-parts.js';
import type { Shape, Tape } from './tape.js';

export { LOSS, MASK, nextOf, OUTPUT, PARAMETERS, STATISTICS } from './step-parts.js';

export interface TrainingModelOptions extends GradientOptions, UpdateOptions {
  /** Gradients longer than this (Euclidean norm over all parameters) are shortened to it. */
  readonly maxGradientNorm?: number;
}

export interface TrainingModel extends StepPorts {
  readonly model: Model;
  /** The value in which the gradients of all parameters are joined. */
  readonly gradient: string;
  /** Of the values of the graph. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

function clipGradient(t: Tape, gradient: string, limit: number | undefined): string {
  if (limit === undefined) return gradient;
  const norm = t.emit('ReduceL2', [gradient, t.ints([0])], [], { keepdims: int(0) });
  const ratio = t.div(t.scalar(limit), t.binary('Max', norm, t.scalar(limit)));
  return t.mul(gradient, ratio);
}

/**
 * Builds one training step as an ordinary ONNX graph: forward, loss, backward, update.
 *
 * Inputs: the network's own, those of the loss (`step.labels` int32 [batch], `step.teacher_logits`, `step.target`),
 * the optimiser's scalars (`scalarNames`: `step.learning_rate` and others), and the state: `step.parameters`, a vector for
 * each optimiser slot, `step.statistics`, `step.mask`, `step.dropout_seed`. Outputs: `step.loss`, `step.output` and `next.` of the state.
 * @throws TrainingError `no-gradient` naming every node without a rule, `bad-model` when nothing can be trained
 */
export function buildTrainingModel(model: Model, options: TrainingModelOptions): TrainingModel {
  const written = writeGradient(model, { ...options, trainable: trainableBy(model, options) });
  const { t, ports, inputs } = written;
  const gradient = clipGradient(t, written.gradient, options.maxGradientNorm);
  const next = writeNext(t, ports.parameters, gradient, options);
  const outputs = [...publishForward(written), ...next.outputs];
  return {
    ...ports,
    slots: next.slots,
    gradient: written.gradient,
    shapes: t.shapes,
    model: finish(t, written.name, [...inputs, ...next.inputs], outputs),
  };
}

export interface GradientModel {
  readonly model: Model;
  readonly input: InputPort;
  /** The network's further inputs. */
  readonly others: readonly InputPort[];
  readonly outputShape: readonly number[];
  /** Graph output that holds the gradient of each value, same shape as the value. */
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Builds a graph that returns the gradient of the loss by named values: parameters, or any float32 value of the graph.
 * The parameters stay constants, and BatchNormalization uses its running statistics unless `mode` says otherwise.
 * Inputs are the network's own and those of the loss; outputs are `step.loss`, `step.output` and the gradients.
 * @param options.wrt names; every parameter when absent
 * @throws TrainingError `bad-options` naming all unknown values, `no-gradient`
 */
export function buildGradientModel(
  model: Model,
  options: { loss: LossSpec; batch: number; wrt?: readonly string[]; mode?: Mode },
): GradientModel {
  const forward = prepareForward(model, options.batch);
  const wrt = options.wrt ?? [...findParameters(forward.graph).keys()];
  const missing = wrt.filter((name) => forward.types.get(name)?.dtype !== 'float32');
  refuse('bad-options', 'no float32 value has this name', missing);
  checkDifferentiable(forward.graph.nodes, wrt, [forward.output, ...valuesRead(options.loss)]);
  const t = startTape(forward, new Set());
  const applied = writeForward(t, forward.graph.nodes, options.mode ?? 'eval');
  const written = writeLoss(t, options.loss, forward.output);
  const found = writeBackward(t, applied, written.gradients, new Set(wrt));
  const gradients = new Map(
    wrt.map((name) => [name, publish(t, found.get(name) ?? t.zeros(t.shape(name)), `gradient.${name}`)]),
  );
  const outputs = [publish(t, written.value, LOSS), publish(t, forward.output, OUTPUT), ...gradients.values()];
  return {
    model: finish(t, forward.graph.name, [...forward.inputs, ...written.inputs, DROPOUT_SEED], outputs),
    input: portsOf(t, forward.inputs)[0]!,
    others: portsOf(t, forward.inputs).slice(1),
    outputShape: t.shape(forward.output),
    gradients,
  };
}

/**
 * Builds a graph that multiplies a vector with the Jacobian: the input `seed` has the output's shape, and the outputs are
 * `gradient.<name>` for each of `wrt`. Works for a model with any number of inputs.
 */
export function buildVectorJacobianModel(
  model: Model,
  options: {
    wrt: readonly string[];
    batch?: number;
    mode?: Mode;
    block?: number;
    /** Rewrites the forward graph before the gradient is written; none when absent. */
    lower?: (forward: Forward) => Forward;
  },
): Model {
  const { lower = (forward: Forward) => forward } = options;
  const forward = lower(prepareForward(model, options.batch ?? 1, true));
  checkDifferentiable(forward.graph.nodes, options.wrt, [forward.output]);
  const t = startTape(forward, new Set(), options.block);
  const applied = writeForward(t, forward.graph.nodes, options.mode ?? 'train');
  const seed = t.declare('seed', t.shape(forward.output));
  const found = writeBackward(t, applied, new Map([[forward.output, seed]]), new Set(options.wrt));
  const outputs = options.wrt.map((name) => publish(t, found.get(name) ?? t.zeros(t.shape(name)), `gradient.${name}`));
  const inputs = [...forward.graph.inputs.map((i) => i.name), seed, DROPOUT_SEED];
  return finish(t, forward.graph.name, inputs, [publish(t, forward.output, OUTPUT), ...outputs]);
}
