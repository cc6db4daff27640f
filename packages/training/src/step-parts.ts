/** The two halves of a training step, written onto a tape: from a batch to one flat gradient, and from that to the next state. */
import {
  readsOf,
  type DataType,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  type ValueInfo,
} from '@verge/onnx';
import { checkDifferentiable, checkReached, writeBackward, writeForward } from './backward.js';
import { classify } from './candidates.js';
import { joinCompanion, type Companion, type Joined } from './distill-companion.js';
import { TrainingError } from './errors.js';
import { prepareForward, type Forward } from './forward.js';
import { lowered } from './lowering/index.js';
import { DROPOUT_SEED } from './gradients/dropout.js';
import type { Mode } from './gradients/row.js';
import { valuesRead, writeLoss, type LossSpec } from './losses.js';
import { scalarNames, slotsOf, writeUpdate, type OptimizerSpec } from './optimizers.js';
import { findParameters, findStatistics, layoutOf, type Layout } from './parameters.js';
import { someOf } from './patterns.js';
import { OPSET, Tape } from './tape.js';

/** Names of the flat state vectors in a training graph; their next values carry the prefix `next.`. */
export const PARAMETERS = 'step.parameters';
export const STATISTICS = 'step.statistics';
export const MASK = 'step.mask';
export const LOSS = 'step.loss';
export const OUTPUT = 'step.output';
export const nextOf = (name: string): string => `next.${name}`;
export const slotName = (slot: string): string => `step.${slot}`;

/** An input of the network; its shape has the batch first. */
export interface InputPort {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a step reads and writes, however its graph is cut. */
export interface StepPorts {
  /** What samples' `x` goes to. */
  readonly input: InputPort;
  /** The network's further inputs. */
  readonly others: readonly InputPort[];
  /** Shape of the network's output, batch first. */
  readonly outputShape: readonly number[];
  readonly parameters: Layout;
  /** BatchNormalization running statistics; empty without such nodes. */
  readonly statistics: Layout;
  readonly slots: readonly string[];
  readonly needsDropoutSeed: boolean;
  /** Parameters that are trained along without being the network's, with their initial values; exports lack them. */
  readonly added?: ReadonlyMap<string, StoredTensor>;
}

function valueInfo(t: Tape, name: string): ValueInfo {
  return { name, type: { kind: 'tensor', dtype: t.types.get(name) as DataType, shape: [...t.shape(name)] as Dim[] } };
}

export const portsOf = (t: Tape, names: readonly string[]): InputPort[] =>
  names.map((name) => ({ name, shape: t.shape(name) }));

/** Cuts a flat input into the named values of a layout. */
export function unpackInput(t: Tape, layout: Layout, input: string): void {
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
export function pack(t: Tape, layout: Layout, nameOf: (entry: string) => string | undefined): string {
  return t.concat(
    layout.entries.map((e) => {
      const name = nameOf(e.name);
      return name === undefined ? t.zeros([e.size]) : t.reshape(name, [e.size]);
    }),
    0,
  );
}

/** Gives a value the name that it has outside. */
export function publish(t: Tape, value: string, name: string): string {
  t.node('Identity', [value], [name]);
  return t.declare(name, t.shape(value), t.types.get(value));
}

/** A tape that holds the forward model's constants, apart from those that become inputs. */
export function startTape(forward: Forward, inputs: ReadonlySet<string>, block = 0): Tape {
  const t = new Tape('t.', block);
  for (const [name, { shape, dtype }] of forward.types) t.declare(name, shape, dtype);
  for (const [name, stored] of forward.graph.initializers) if (!inputs.has(name)) t.initializers.set(name, stored);
  return t;
}

/**
 * The nodes without the copies that `publish` wrote: what makes a value makes it under its outer name. The executor drops
 * such a copy itself only where nothing else reads the value, and the next state of an optimiser is read by the update.
 */
function withoutCopies(nodes: readonly Node[], outputs: readonly string[]): readonly Node[] {
  // The bodies of control flow read values by name.
  const inside = new Set(nodes.flatMap((n) => [...readsOf(n)].filter((name) => !n.inputs.includes(name))));
  const made = new Set(nodes.flatMap((n) => n.outputs));
  const outer = new Map<string, string>();
  const kept = nodes.filter((n) => {
    const [from, to] = [n.inputs[0]!, n.outputs[0]!];
    const copies = n.op === 'Identity' && n.domain === '' && outputs.includes(to) && !outputs.includes(from);
    if (!copies || !made.has(from) || outer.has(from) || inside.has(from)) return true;
    outer.set(from, to);
    return false;
  });
  const name = (value: string): string => outer.get(value) ?? value;
  return kept.map((n) => ({ ...n, inputs: n.inputs.map(name), outputs: n.outputs.map(name) }));
}

/** The model that a tape has become; inputs that no node reads are left out. */
export function finish(t: Tape, name: string, inputs: readonly string[], outputs: readonly string[]): Model {
  const nodes = withoutCopies(t.nodes, outputs);
  const used = new Set(nodes.flatMap((n) => n.inputs));
  const graph: Graph = {
    name: `${name || 'model'}.training`,
    inputs: [...new Set(inputs)].filter((i) => used.has(i)).map((i) => valueInfo(t, i)),
    outputs: outputs.map((o) => valueInfo(t, o)),
    nodes: nodes.map((n, i) => (n.name === '' ? { ...n, name: `${n.op}.${i}` } : n)),
    initializers: new Map([...t.initializers].filter(([name]) => used.has(name))),
    sparseInitializers: [],
    values: new Map(),
  };
  const opsets = new Map([['', OPSET]]);
  for (const { domain } of t.nodes) if (domain !== '') opsets.set(domain, 1);
  return { irVersion: 10, opsets, graph, functions: [], producerName: 'verge', metadata: new Map() };
}

export interface GradientOptions {
  readonly loss: LossSpec;
  /** Rows of every run. */
  readonly batch: number;
  /** Which parameters move; all that `findParameters` finds unless told otherwise. The others become constants. */
  readonly trainable?: (name: string) => boolean;
  /** Constants that move too, though `findParameters` leaves them alone. */
  readonly alsoTrained?: (name: string) => boolean;
  /** 'eval' trains with frozen BatchNormalization statistics and without dropout. */
  readonly mode?: Mode;
  /** Channels in a block of the executor's blocked layout (`probeBlock`); standard operators alone when absent. */
  readonly block?: number;
  /** A teacher that runs in the same graph; the loss may name its values (`companionValue`). */
  readonly companion?: Companion;
}

export interface WrittenGradient {
  readonly t: Tape;
  /** Name of the forward graph. */
  readonly name: string;
  /** The flat gradient, in the order of `ports.parameters`. */
  readonly gradient: string;
  readonly ports: Omit<StepPorts, 'slots'>;
  /** Graph inputs: the network's, the loss's, parameters, statistics and the dropout seed. */
  readonly inputs: readonly string[];
  readonly lossValue: string;
  readonly output: string;
}

/** A graph's constants and those of something that joins it. */
export function withConstants(graph: Graph, added: ReadonlyMap<string, StoredTensor> | undefined): Graph {
  return added ? { ...graph, initializers: new Map([...graph.initializers, ...added]) } : graph;
}

/** The forward graph with the outputs that are trained, and no others. */
function withOutputs(forward: Forward, read: ReadonlySet<string>): Forward {
  const outputs = forward.graph.outputs.filter(({ name }) => name === forward.output || read.has(name));
  return { ...forward, graph: { ...forward.graph, outputs } };
}

/** What could be trained if it were asked for, for a message. */
function leftOut(graph: Graph): string {
  const others = [...classify(graph, new Map())].map(([name, { why }]) => `${name} (${why})`);
  return others.length === 0 ? '' : `; left out: ${someOf(others, 4)}`;
}

/** Puts a teacher on the tape as inference has it: nothing flows back into it. */
function startCompanion(t: Tape, joined: Joined): void {
  for (const [name, { shape, dtype }] of joined.types) t.declare(name, shape, dtype);
  for (const [name, stored] of joined.constants) t.initializers.set(name, stored);
  t.nodes.push(...joined.frozen);
}

/**
 * Writes forward, loss and backward over parameters that arrive as one vector.
 * @throws TrainingError `no-gradient` naming every node without a rule, `bad-model` when nothing can be trained
 */
export function writeGradient(model: Model, options: GradientOptions): WrittenGradient {
  const { loss, batch, trainable = () => true, alsoTrained, mode = 'train' } = options;
  const projected = options.companion?.projections?.map((p) => p.student) ?? [];
  const read = new Set([...valuesRead(loss), ...projected]);
  const forward = lowered(withOutputs(prepareForward(model, batch), read), read);
  const found = [...findParameters(forward.graph, alsoTrained)];
  const own = found.filter(([name]) => trainable(name));
  if (own.length === 0) {
    const why =
      found.length > 0
        ? `all ${found.length} parameters are frozen`
        : `the model has no constants that could be trained${leftOut(forward.graph)}`;
    throw new TrainingError('bad-model', why);
  }
  const joined = options.companion && joinCompanion(options.companion, forward, batch);
  const roles = new Map([...own, ...(joined?.roles ?? [])]);
  const parameters = layoutOf(withConstants(forward.graph, joined?.added), roles);
  const running = mode === 'train' ? findStatistics(forward.graph) : [];
  const statistics = layoutOf(forward.graph, new Map(running.map((name) => [name, 'shift' as const])));
  checkDifferentiable(forward.graph.nodes, roles.keys(), [
    forward.output,
    ...valuesRead(loss),
    ...(joined?.projections ?? []).flatMap((n) => n.inputs),
  ]);

  const t = startTape(forward, new Set([...roles.keys(), ...running]), options.block);
  unpackInput(t, parameters, PARAMETERS);
  unpackInput(t, statistics, STATISTICS);
  if (joined) startCompanion(t, joined);
  const applied = writeForward(t, [...forward.graph.nodes, ...(joined?.projections ?? [])], mode);
  const written = writeLoss(t, loss, forward.output);
  const gradients = writeBackward(t, applied, written.gradients, new Set(roles.keys()));
  checkReached(forward.graph.nodes, roles.keys(), new Set(gradients.keys()));
  const [input, ...others] = portsOf(t, forward.inputs);
  return {
    t,
    name: forward.graph.name,
    gradient: pack(t, parameters, (name) => gradients.get(name)),
    ports: {
      input: input!,
      others,
      outputShape: t.shape(forward.output),
      parameters,
      statistics,
      needsDropoutSeed: t.shapes.has(DROPOUT_SEED),
      added: joined?.added,
    },
    inputs: [...forward.inputs, ...written.inputs, PARAMETERS, STATISTICS, DROPOUT_SEED],
    lossValue: written.value,
    output: forward.output,
  };
}

/** Publishes the loss, the network's output and, with BatchNormalization, the next running statistics. */
export function publishForward(written: WrittenGradient): string[] {
  const { t, ports } = written;
  const outputs = [publish(t, written.lossValue, LOSS), publish(t, written.output, OUTPUT)];
  if (ports.statistics.size > 0) {
    const latest = new Map(t.updates.map((u) => [u.state, u.next]));
    const next = pack(t, ports.statistics, (name) => latest.get(name) ?? name);
    outputs.push(publish(t, next, nextOf(STATISTICS)));
  }
  return outputs;
}

export interface UpdateOptions {
  readonly optimizer: OptimizerSpec;
  /** Adds the input `step.mask`, multiplied into the parameters after each update, so that momentum revives nothing. */
  readonly masked?: boolean;
  /** Elements of the gradient beyond this in either direction are cut off there, after any limit to its norm. */
  readonly maxGradientValue?: number;
}

export interface WrittenUpdate {
  readonly slots: readonly string[];
  /** Graph inputs besides the gradient. */
  readonly inputs: readonly string[];
  /** The next parameters and slots. */
  readonly outputs: readonly string[];
}

function clipElements(t: Tape, gradient: string, limit: number | undefined): string {
  if (limit === undefined) return gradient;
  return t.emit('Clip', [gradient, t.scalar(-limit), t.scalar(limit)], t.shape(gradient));
}

/** Writes the optimiser's update of the parameters in `layout` and publishes the next state. */
export function writeNext(t: Tape, layout: Layout, gradient: string, options: UpdateOptions): WrittenUpdate {
  const slots = slotsOf(options.optimizer).map((s) => t.declare(slotName(s), [layout.size]));
  const bounded = clipElements(t, gradient, options.maxGradientValue);
  const updated = writeUpdate(t, options.optimizer, layout, PARAMETERS, bounded, slots);
  let next = updated.parameters;
  if (options.masked) next = t.mul(next, t.declare(MASK, [layout.size]));
  return {
    slots,
    inputs: [...scalarNames(options.optimizer), PARAMETERS, ...slots, MASK],
    outputs: [
      publish(t, next, nextOf(PARAMETERS)),
      ...updated.slots.map((value, i) => publish(t, value, nextOf(slots[i]!))),
    ],
  };
}
