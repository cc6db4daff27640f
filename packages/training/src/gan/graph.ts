/**
 * The two training graphs of a generative adversarial network. Each holds both networks: the one that it trains, whose state
 * it reads and replaces as every training step does, and the other, whose parameters it reads.
 */
import { eliminateDeadCode, type Model } from '@verge/onnx';
import { checkDifferentiable, writeBackward, writeForward } from '../backward.js';
import { differentiate } from '../differentiate.js';
import { refuse } from '../errors.js';
import { prepareForward, type Forward } from '../forward.js';
import { DROPOUT_SEED } from '../gradients/dropout.js';
import type { Applied } from '../gradients/row.js';
import { writeDiscriminatorLoss, writeGeneratorLoss, type AdversarialSpec } from '../losses/adversarial.js';
import { meanOf } from '../losses/row.js';
import { trainableBy, type OptimizerSpec } from '../optimizers.js';
import { findParameters, findStatistics, layoutOf, type Layout } from '../parameters.js';
import { renameForward } from '../renaming.js';
import {
  finish,
  LOSS,
  nextOf,
  OUTPUT,
  pack,
  PARAMETERS,
  publish,
  STATISTICS,
  unpackInput,
  writeNext,
  type StepPorts,
} from '../step-parts.js';
import { Tape, type Shape } from '../tape.js';

/** Noise [batch, ...]: what the generator reads. */
export const NOISE = 'step.noise';
/** Real samples [batch, ...]. */
export const REAL = 'step.real';
/** Where between real and fake the gradient penalty looks, 0 to 1: [batch]. */
export const BETWEEN = 'step.between';
/** The parameters of the network that is not trained. */
export const OTHER = 'step.other';

export interface GanGraph extends StepPorts {
  readonly model: Model;
  /** The value in which the gradients of all parameters are joined. */
  readonly gradient: string;
  /** Elements of `step.other`. */
  readonly other: Layout;
}

export interface GanGraphOptions {
  readonly generator: Model;
  readonly discriminator: Model;
  readonly batch: number;
  readonly loss: AdversarialSpec;
  /** Of the network that the graph trains. */
  readonly optimizer: OptimizerSpec;
  /** Of the other: what it freezes is constant here too, and no part of `step.other`. It freezes nothing when absent. */
  readonly otherOptimizer?: OptimizerSpec;
  /** Channels in a block of the executor's blocked layout (`probeBlock`); standard operators only when absent. */
  readonly block?: number;
}

/** A network as the graphs see it; its constants stand on the tape as `owner.name`. */
interface Network {
  readonly owner: string;
  readonly forward: Forward;
  readonly input: string;
  readonly parameters: Layout;
  readonly statistics: Layout;
}

function networkOf(owner: string, model: Model, batch: number, trainable: (name: string) => boolean): Network {
  const forward = prepareForward(model, batch);
  const [input, ...others] = forward.inputs;
  refuse(
    'bad-model',
    `the ${owner} of a GAN has one input`,
    others.map((name) => `it also reads '${name}'`),
  );
  const roles = new Map([...findParameters(forward.graph)].filter(([name]) => trainable(name)));
  const running = new Map(findStatistics(forward.graph).map((name) => [name, 'shift' as const]));
  const [parameters, statistics] = [layoutOf(forward.graph, roles), layoutOf(forward.graph, running)];
  return { owner, forward, input: input!, parameters, statistics };
}

const owned = (network: Network, layout: Layout): Layout => ({
  ...layout,
  entries: layout.entries.map((e) => ({ ...e, name: `${network.owner}.${e.name}` })),
});

/** Puts a network's constants on the tape; its parameters are inputs, and its statistics too where it is trained. */
function start(t: Tape, network: Network, vector: string, statistics: boolean): void {
  const inputs = new Set(
    [...network.parameters.entries, ...(statistics ? network.statistics.entries : [])].map((e) => e.name),
  );
  const { forward, owner } = network;
  for (const [name, stored] of forward.graph.initializers) {
    const own = `${owner}.${name}`;
    if (!inputs.has(name)) t.initializers.set(own, { ...stored, name: own });
  }
  unpackInput(t, owned(network, network.parameters), vector);
  if (statistics) unpackInput(t, owned(network, network.statistics), STATISTICS);
}

interface Run {
  readonly applied: readonly Applied[];
  readonly output: string;
}

/** Writes one pass in training form over `input`; the values are called `pass.name`. */
function run(t: Tape, network: Network, pass: string, input: string): Run {
  const constants = network.forward.graph.initializers;
  const named = renameForward(network.forward, (value) => {
    if (value === network.input) return input;
    return constants.has(value) ? `${network.owner}.${value}` : `${pass}.${value}`;
  });
  for (const [name, { shape, dtype }] of named.types) t.declare(name, shape, dtype);
  return { applied: writeForward(t, named.graph.nodes, 'train'), output: named.output };
}

const sourcesOf = (network: Network): Set<string> =>
  new Set(owned(network, network.parameters).entries.map((e) => e.name));

/** The next running statistics, from the passes since `from` updates were on the tape up to `to`. */
function nextStatistics(t: Tape, network: Network, to: number): string[] {
  if (network.statistics.size === 0) return [];
  const latest = new Map(t.updates.slice(0, to).map((u) => [u.state, u.next]));
  const next = pack(t, owned(network, network.statistics), (name) => latest.get(name) ?? name);
  return [publish(t, next, nextOf(STATISTICS))];
}

interface Written {
  readonly t: Tape;
  readonly trained: Network;
  readonly other: Network;
  readonly value: string;
  readonly gradients: ReadonlyMap<string, string>;
  /** The discriminator's logits of the fakes. */
  readonly logits: string;
  readonly statistics: readonly string[];
}

/** Writes the update, and what all that becomes. */
function close(written: Written, optimizer: OptimizerSpec, inputs: readonly string[]): GanGraph {
  const { t, trained, other } = written;
  const entries = owned(trained, trained.parameters);
  const gradient = pack(t, entries, (name) => written.gradients.get(name));
  const next = writeNext(t, trained.parameters, gradient, { optimizer });
  const outputs = [publish(t, written.value, LOSS), publish(t, written.logits, OUTPUT), ...written.statistics];
  const all = [...inputs, ...next.inputs, STATISTICS, OTHER, DROPOUT_SEED];
  const model = eliminateDeadCode(finish(t, trained.owner, all, [...outputs, ...next.outputs]));
  const { graph } = model;
  const read = new Set(graph.nodes.flatMap((n) => n.inputs));
  return {
    model: { ...model, graph: { ...graph, inputs: graph.inputs.filter((i) => read.has(i.name)) } },
    input: { name: inputs[0]!, shape: t.shape(inputs[0]!) },
    others: [],
    outputShape: t.shape(written.logits),
    parameters: trained.parameters,
    statistics: trained.statistics,
    slots: next.slots,
    needsDropoutSeed: read.has(DROPOUT_SEED),
    gradient,
    other: other.parameters,
  };
}

/** Both networks on a tape, the one that is trained first. */
function begin(
  o: GanGraphOptions,
  what: 'generator' | 'discriminator',
): { t: Tape; trained: Network; other: Network; noise: string } {
  const network = (name: 'generator' | 'discriminator'): Network => {
    const optimizer = name === what ? o.optimizer : o.otherOptimizer;
    return networkOf(name, o[name], o.batch, optimizer ? trainableBy(o[name], { optimizer }) : () => true);
  };
  const [trained, other] = [network(what), network(what === 'generator' ? 'discriminator' : 'generator')];
  const [g, d] = what === 'generator' ? [trained, other] : [other, trained];
  const [made, read] = [g.forward.types.get(g.forward.output)?.shape, d.forward.types.get(d.input)?.shape];
  const problems: string[] = [];
  if (made?.join() !== read?.join()) {
    problems.push(`the generator makes [${made?.join(', ')}], the discriminator reads [${read?.join(', ')}]`);
  }
  const logits = d.forward.types.get(d.forward.output)?.shape;
  if (logits?.slice(1).some((n) => n !== 1)) {
    problems.push(`the discriminator must have one logit, not [${logits.join(', ')}]`);
  }
  if (trained.parameters.size === 0) problems.push(`the ${what} has nothing to train`);
  refuse('bad-model', 'the networks do not fit together', problems);
  const t = new Tape('t.', o.block);
  start(t, trained, PARAMETERS, true);
  start(t, other, OTHER, false);
  return { t, trained, other, noise: t.declare(NOISE, g.forward.types.get(g.input)!.shape) };
}

/**
 * weight * mean((|d discriminator / d point| - 1)^2) at points between real and fake, and its gradient by the parameters.
 * The inner gradient is written as nodes, and those are differentiated like any others: a second derivative.
 */
function gradientPenalty(
  t: Tape,
  network: Network,
  real: string,
  fake: string,
  weight: number,
): {
  value: string;
  gradients: ReadonlyMap<string, string>;
} {
  const shape = t.shape(real);
  const rows: Shape = [shape[0]!, ...shape.slice(1).map(() => 1)];
  const share = t.reshape(t.declare(BETWEEN, [shape[0]!]), rows);
  const point = t.add(fake, t.mul(share, t.sub(real, fake)));
  return differentiate(t, [...sourcesOf(network)], () => {
    const { applied, output } = run(t, network, 'between', point);
    const ones = t.expand(t.scalar(1), t.shape(output));
    const slope = writeBackward(t, applied, new Map([[output, ones]]), new Set([point])).get(point)!;
    const squares = t.reduce('ReduceSum', t.mul(slope, slope), shape.map((_, i) => i).slice(1), false);
    // A bound keeps the root differentiable where the slope is 0.
    const length = t.unary('Sqrt', t.add(squares, t.scalar(1e-12)));
    const off = t.sub(length, t.scalar(1));
    return t.scale(meanOf(t, t.mul(off, off)), weight);
  });
}

function summed(t: Tape, a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Map<string, string> {
  const all = new Map(a);
  for (const [name, gradient] of b) {
    const before = all.get(name);
    all.set(name, before === undefined ? gradient : t.add(before, gradient));
  }
  return all;
}

/**
 * Builds the discriminator's step: fakes of the current generator, both kinds judged in batches of their own. Running
 * statistics follow the real samples.
 * @throws TrainingError `bad-model` when the networks do not fit together, `no-gradient` naming nodes without a rule
 */
export function buildDiscriminatorStep(options: GanGraphOptions): GanGraph {
  const { t, trained, other, noise } = begin(options, 'discriminator');
  const real = t.declare(REAL, trained.forward.types.get(trained.input)!.shape);
  const onReal = run(t, trained, 'real', real);
  const updates = t.updates.length;
  const fake = run(t, other, 'fake', noise).output;
  const onFake = run(t, trained, 'judged', fake);
  const sources = sourcesOf(trained);
  const passes = [...onReal.applied, ...onFake.applied];
  checkDifferentiable(
    passes.map((a) => a.node),
    sources,
    [onReal.output, onFake.output],
  );
  const loss = writeDiscriminatorLoss(t, options.loss, onReal.output, onFake.output);
  let { value } = loss;
  let gradients: ReadonlyMap<string, string> = writeBackward(t, passes, loss.gradients, sources);
  if (options.loss.kind === 'wasserstein') {
    const penalty = gradientPenalty(t, trained, real, fake, options.loss.penaltyWeight ?? 10);
    value = t.add(value, penalty.value);
    gradients = summed(t, gradients, penalty.gradients);
  }
  const statistics = nextStatistics(t, trained, updates);
  const written = { t, trained, other, value, gradients, logits: onFake.output, statistics };
  return close(written, options.optimizer, [REAL, NOISE, BETWEEN]);
}

/**
 * Builds the generator's step through a discriminator that stays as it is.
 * @throws TrainingError as `buildDiscriminatorStep`
 */
export function buildGeneratorStep(options: GanGraphOptions): GanGraph {
  const { t, trained, other, noise } = begin(options, 'generator');
  const made = run(t, trained, 'fake', noise);
  const updates = t.updates.length;
  const judged = run(t, other, 'judged', made.output);
  const sources = sourcesOf(trained);
  const passes = [...made.applied, ...judged.applied];
  checkDifferentiable(
    passes.map((a) => a.node),
    sources,
    [judged.output],
  );
  const loss = writeGeneratorLoss(t, options.loss, judged.output);
  const gradients = writeBackward(t, passes, loss.gradients, sources);
  const statistics = nextStatistics(t, trained, updates);
  const written = { t, trained, other, value: loss.value, gradients, logits: judged.output, statistics };
  return close(written, options.optimizer, [NOISE]);
}
