/** From a forward model to graphs that train it: the step, the gradients alone, and products with the Jacobian. */
import type { Dim, Graph, Model, ValueInfo, DataType } from '@verge/onnx';
import { checkDifferentiable, writeBackward, writeForward } from './backward.js';
import { TrainingError, refuse } from './errors.js';
import { prepareForward, type Forward } from './forward.js';
import { DROPOUT_SEED } from './gradients/dropout.js';
import type { Mode } from './gradients/row.js';
import { writeLoss, type LossSpec } from './losses.js';
import { CORRECTION_1, CORRECTION_2, LEARNING_RATE, slotsOf, writeUpdate, type OptimizerSpec } from './optimizers.js';
import { findParameters, findStatistics, layoutOf, type Layout } from './parameters.js';
import { OPSET, Tape } from './tape.js';

/** Names of the flat state vectors in a training graph; their next values carry the prefix `next.`. */
export const PARAMETERS = 'step.parameters';
export const STATISTICS = 'step.statistics';
export const MASK = 'step.mask';
export const LOSS = 'step.loss';
export const OUTPUT = 'step.output';
export const nextOf = (name: string): string => `next.${name}`;
export const slotName = (slot: string): string => `step.${slot}`;

export interface TrainingModelOptions {
  readonly loss: LossSpec;
  readonly optimizer: OptimizerSpec;
  /** Rows of every step. */
  readonly batch: number;
  /** Which parameters move; all that `findParameters` finds unless told otherwise. The others become constants. */
  readonly trainable?: (name: string) => boolean;
  /** Adds the input `step.mask`, multiplied into the parameters after each update, so that momentum revives nothing. */
  readonly masked?: boolean;
  /** 'eval' trains with frozen BatchNormalization statistics and without dropout. */
  readonly mode?: Mode;
  /** Gradients longer than this (Euclidean norm over all parameters) are shortened to it. */
  readonly maxGradientNorm?: number;
}

export interface TrainingModel {
  readonly model: Model;
  /** Name and shape of the network's input, batch first. */
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  /** Shape of the network's output, batch first. */
  readonly outputShape: readonly number[];
  readonly parameters: Layout;
  /** BatchNormalization running statistics; empty without such nodes. */
  readonly statistics: Layout;
  readonly slots: readonly string[];
  readonly needsDropoutSeed: boolean;
}

function valueInfo(t: Tape, name: string): ValueInfo {
  return { name, type: { kind: 'tensor', dtype: t.types.get(name) as DataType, shape: [...t.shape(name)] as Dim[] } };
}

/** Cuts a flat input into the named values of a layout. */
function unpackInput(t: Tape, layout: Layout, input: string): void {
  if (layout.size === 0) return;
  t.declare(input, [layout.size]);
  const pieces = layout.entries.map((e) => t.declare(t.fresh('piece'), [e.size]));
  t.node('Split', [input, t.ints(layout.entries.map((e) => e.size))], pieces, {});
  layout.entries.forEach((e, i) => {
    t.node('Reshape', [pieces[i]!, t.ints(e.shape)], [e.name]);
    t.declare(e.name, e.shape);
  });
}

/** Joins values, in the order of a layout, into one flat vector. */
function pack(t: Tape, layout: Layout, nameOf: (entry: string) => string | undefined): string {
  return t.concat(
    layout.entries.map((e) => {
      const name = nameOf(e.name);
      return name === undefined ? t.zeros([e.size]) : t.reshape(name, [e.size]);
    }),
    0,
  );
}

function publish(t: Tape, value: string, name: string): string {
  t.node('Identity', [value], [name]);
  return t.declare(name, t.shape(value), t.types.get(value));
}

/** A tape that holds the forward model's constants, apart from those that become inputs. */
function startTape(forward: Forward, inputs: ReadonlySet<string>): Tape {
  const t = new Tape('t.');
  for (const [name, { shape, dtype }] of forward.types) t.declare(name, shape, dtype);
  for (const [name, stored] of forward.graph.initializers) if (!inputs.has(name)) t.initializers.set(name, stored);
  return t;
}

function finish(t: Tape, forward: Forward, inputs: readonly string[], outputs: readonly string[]): Model {
  const used = new Set(t.nodes.flatMap((n) => n.inputs));
  const graph: Graph = {
    name: `${forward.graph.name || 'model'}.training`,
    inputs: inputs.filter((i) => used.has(i)).map((i) => valueInfo(t, i)),
    outputs: outputs.map((o) => valueInfo(t, o)),
    nodes: t.nodes.map((n, i) => (n.name === '' ? { ...n, name: `${n.op}.${i}` } : n)),
    initializers: new Map([...t.initializers].filter(([name]) => used.has(name))),
    sparseInitializers: [],
    values: new Map(),
  };
  const opsets = new Map([['', OPSET]]);
  return { irVersion: 10, opsets, graph, functions: [], producerName: 'verge', metadata: new Map() };
}

function clipGradient(t: Tape, gradient: string, limit: number | undefined): string {
  if (limit === undefined) return gradient;
  const norm = t.unary('Sqrt', t.reduce('ReduceSum', t.mul(gradient, gradient), [0], false));
  const ratio = t.div(t.scalar(limit), t.binary('Max', norm, t.scalar(limit)));
  return t.mul(gradient, ratio);
}

/**
 * Builds one training step as an ordinary ONNX graph: forward, loss, backward, update.
 *
 * Inputs: the network's own, those of the loss (`step.labels` int32 [batch], `step.teacher_logits`, `step.target`),
 * `step.learning_rate` and Adam's corrections (scalars), and the state: `step.parameters`, a vector for each optimiser
 * slot, `step.statistics`, `step.mask`, `step.dropout_seed`. Outputs: `step.loss`, `step.output` and `next.` of the state.
 * @throws TrainingError `no-gradient` naming every node without a rule, `bad-model` when nothing can be trained
 */
export function buildTrainingModel(model: Model, options: TrainingModelOptions): TrainingModel {
  const { optimizer, loss, batch, trainable = () => true, mode = 'train' } = options;
  const forward = prepareForward(model, batch);
  const roles = new Map([...findParameters(forward.graph)].filter(([name]) => trainable(name)));
  if (roles.size === 0) throw new TrainingError('bad-model', 'the model has no constants that could be trained');
  const parameters = layoutOf(forward.graph, roles);
  const running = mode === 'train' ? findStatistics(forward.graph) : [];
  const statistics = layoutOf(forward.graph, new Map(running.map((name) => [name, 'shift' as const])));
  checkDifferentiable(forward.graph.nodes, roles.keys(), [forward.output]);

  const t = startTape(forward, new Set([...roles.keys(), ...running]));
  unpackInput(t, parameters, PARAMETERS);
  unpackInput(t, statistics, STATISTICS);
  const applied = writeForward(t, forward.graph.nodes, mode);
  const written = writeLoss(t, loss, forward.output);
  const gradients = writeBackward(t, applied, new Map([[forward.output, written.gradient]]), new Set(roles.keys()));
  const gradient = clipGradient(
    t,
    pack(t, parameters, (name) => gradients.get(name)),
    options.maxGradientNorm,
  );

  const slots = slotsOf(optimizer).map((s) => t.declare(slotName(s), [parameters.size]));
  const updated = writeUpdate(t, optimizer, parameters, PARAMETERS, gradient, slots);
  let next = updated.parameters;
  if (options.masked) next = t.mul(next, t.declare(MASK, [parameters.size]));
  const outputs = [
    publish(t, written.value, LOSS),
    publish(t, forward.output, OUTPUT),
    publish(t, next, nextOf(PARAMETERS)),
    ...updated.slots.map((value, i) => publish(t, value, nextOf(slots[i]!))),
  ];
  if (statistics.size > 0) {
    const latest = new Map(t.updates.map((u) => [u.state, u.next]));
    outputs.push(
      publish(
        t,
        pack(t, statistics, (name) => latest.get(name) ?? name),
        nextOf(STATISTICS),
      ),
    );
  }
  const inputs = [
    forward.input,
    ...written.inputs,
    LEARNING_RATE,
    CORRECTION_1,
    CORRECTION_2,
    PARAMETERS,
    ...slots,
    STATISTICS,
    MASK,
    DROPOUT_SEED,
  ];
  return {
    model: finish(t, forward, inputs, outputs),
    input: { name: forward.input, shape: t.shape(forward.input) },
    outputShape: t.shape(forward.output),
    parameters,
    statistics,
    slots,
    needsDropoutSeed: t.shapes.has(DROPOUT_SEED),
  };
}

export interface GradientModel {
  readonly model: Model;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
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
  checkDifferentiable(forward.graph.nodes, wrt, [forward.output]);
  const t = startTape(forward, new Set());
  const applied = writeForward(t, forward.graph.nodes, options.mode ?? 'eval');
  const written = writeLoss(t, options.loss, forward.output);
  const found = writeBackward(t, applied, new Map([[forward.output, written.gradient]]), new Set(wrt));
  const gradients = new Map(
    wrt.map((name) => [name, publish(t, found.get(name) ?? t.zeros(t.shape(name)), `gradient.${name}`)]),
  );
  const outputs = [publish(t, written.value, LOSS), publish(t, forward.output, OUTPUT), ...gradients.values()];
  return {
    model: finish(t, forward, [forward.input, ...written.inputs, DROPOUT_SEED], outputs),
    input: { name: forward.input, shape: t.shape(forward.input) },
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
  options: { wrt: readonly string[]; batch?: number; mode?: Mode },
): Model {
  const forward = prepareForward(model, options.batch ?? 1, true);
  checkDifferentiable(forward.graph.nodes, options.wrt, [forward.output]);
  const t = startTape(forward, new Set());
  const applied = writeForward(t, forward.graph.nodes, options.mode ?? 'train');
  const seed = t.declare('seed', t.shape(forward.output));
  const found = writeBackward(t, applied, new Map([[forward.output, seed]]), new Set(options.wrt));
  const outputs = options.wrt.map((name) => publish(t, found.get(name) ?? t.zeros(t.shape(name)), `gradient.${name}`));
  const inputs = [...forward.graph.inputs.map((i) => i.name), seed, DROPOUT_SEED];
  return finish(t, forward, inputs, [publish(t, forward.output, OUTPUT), ...outputs]);
}
