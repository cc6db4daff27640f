/** A smaller graph that gives the same numbers. */
import { collectNames, subgraphs } from '../builder.js';
import { assertLegal } from '../check/index.js';
import { OnnxError } from '../errors.js';
import { inferShapes, provenTypes, type Claim } from '../infer/index.js';
import { withKnownTypes } from '../infer/known.js';
import { provenInfos } from '../infer/proofs.js';
import type { Graph, Model } from '../ir.js';
import { prepare, type Repair } from '../normalise/index.js';
import type { FoldOptions } from '../rewrite/fold.js';
import type { Declined, Rule } from '../rewrite/rewrite.js';
import { attentionRules, contributedRules, exactRules, fusionRules } from '../rewrite/rules/index.js';
import type { SessionFactory } from '../session.js';
import { assertWithin, compareModels, type Comparison, type CompareOptions } from './compare.js';
import { importingContributed, withoutIdleImport } from './contributed.js';
import { stepsOf, type Step } from './steps.js';
import { rewriteSubgraphs } from './subgraphs.js';

export interface SimplifyOptions {
  /** Freezes symbolic sizes of the inputs: { batch: 1 }. Others stay open. */
  dims?: Readonly<Record<string, number>>;
  /** Whether layers take in the arithmetic behind them, which moves roundings; true when absent. */
  fuse?: boolean;
  /**
   * The result is for ONNX Runtime and will not be trained: equal parameters become one, scales of 1 and shifts of 0 go, and
   * attention, activations and normalisations become nodes of com.microsoft where the operator set has none. Without it parameters stay apart, since merged
   * ones can only move together.
   */
  forInference?: boolean;
  /** Further rules. */
  rules?: readonly Rule[];
  /** Refuses a model that breaks a rule or declares what does not hold, instead of repairing it and saying so. */
  strict?: boolean;
  /** Bounds of constant folding. */
  fold?: FoldOptions;
  /** Runs both models and refuses the result beyond the tolerance; false leaves that out. */
  verify?: CompareOptions | false;
  /** Makes the sessions of the verification, say in a process of their own; `create` does when absent. */
  verifyWith?: SessionFactory;
}

export interface StepCount {
  readonly rule: string;
  /** How often it applied: rules by match, others by what they removed. */
  readonly fired: number;
  /** Nodes before less nodes after, subgraphs included. Another rule or dead code may reap what one has freed. */
  readonly nodesRemoved: number;
}

export interface Simplified {
  readonly model: Model;
  /** What was repaired before anything else. */
  readonly repairs: readonly Repair[];
  /** Declarations of the file that do not hold, and so decided nothing. */
  readonly claims: readonly Claim[];
  /** Nodes, those of subgraphs included. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** The steps that did something, in order of their first turn. */
  readonly steps: readonly StepCount[];
  /** Matches of the last round that were left, with the reason. */
  readonly declined: readonly Declined[];
  /** What verification found; null when it was left out. */
  readonly comparison: Comparison | null;
}

/** Nodes of a graph and of the graphs inside it. */
export function countNodes(graph: Graph): number {
  return graph.nodes.reduce((n, node) => n + 1 + subgraphs(node).reduce((m, sub) => m + countNodes(sub), 0), 0);
}

/** Steps that only ever shrink or settle a graph end soon; this many rounds mean that two rules undo each other. */
const MOST_ROUNDS = 40;

class Tally {
  readonly counts = new Map<string, { fired: number; nodesRemoved: number }>();
  declined: Declined[] = [];

  add(rule: string, fired: number, nodesRemoved: number): void {
    const old = this.counts.get(rule) ?? { fired: 0, nodesRemoved: 0 };
    this.counts.set(rule, { fired: old.fired + fired, nodesRemoved: old.nodesRemoved + nodesRemoved });
  }
}

/** One graph, rounds of all steps until none does anything; subgraphs after the graph around them. */
async function settle(
  start: Model,
  steps: readonly Step[],
  reserved: ReadonlySet<string>,
  tally: Tally,
  inside = false,
): Promise<Model> {
  let model = start;
  // What a subgraph is told of values around it was proven there.
  let types = provenTypes(model, { distinct: inside });
  for (let round = 0; round < MOST_ROUNDS; round++) {
    tally.declined = [];
    let fired = 0;
    for (const step of steps) {
      const result = await step.apply(model, reserved, types);
      tally.declined.push(...(result.declined ?? []));
      if (result.fired === 0) continue;
      tally.add(step.name, result.fired, countNodes(model.graph) - countNodes(result.model.graph));
      fired += result.fired;
      model = result.model;
      types = provenTypes(model, { distinct: inside });
    }
    if (fired > 0) continue;
    const settled = await rewriteSubgraphs(
      model,
      types,
      (sub, names) => settle(sub, steps, names, tally, true),
      reserved,
    );
    if (settled === model) return model;
    model = settled;
  }
  throw new OnnxError('rewrite', `the rules still fire after ${MOST_ROUNDS} rounds`);
}

interface Phase {
  readonly further: readonly Rule[];
  /** Whether rows are gathered: a batch that was gathered with its rows is proven no more. */
  readonly gather: boolean;
}

/** What is settled one after the other: attention is found in a graph that is simple, and before rows are gathered; what else ONNX Runtime has last. */
function phasesOf(fuse: boolean, forInference: boolean): Phase[] {
  if (!fuse || !forInference) return [{ further: [], gather: fuse }];
  return [
    { further: [], gather: false },
    { further: attentionRules, gather: false },
    { further: attentionRules, gather: true },
    { further: [...attentionRules, ...contributedRules], gather: true },
  ];
}

/** Before IR version 4 constants had to be inputs too, so that nothing about them could be known (docs/IR.md). */
function constantsOnly(model: Model): Model {
  if (model.irVersion >= 4) return model;
  const inputs = model.graph.inputs.filter((i) => !model.graph.initializers.has(i.name));
  return { ...model, irVersion: 4, graph: { ...model.graph, inputs } };
}

/** The model as it was given, with sizes as they were frozen: what is verified against. */
function withInputs(model: Model, frozen: Model): Model {
  const sized = new Map(frozen.graph.inputs.map((info) => [info.name, info]));
  const inputs = model.graph.inputs.map((info) => sized.get(info.name) ?? info);
  return { ...model, graph: { ...model.graph, inputs } };
}

/**
 * Simplifies a model: computes what depends on no input, drops what does nothing or is not needed, does once what is
 * done twice, merges chains, and puts constant arithmetic into the layers in front of it; then runs both models on the
 * same random inputs and compares every output. Inputs and outputs keep their names, types and order; a declared size of an
 * output that does not hold gives way to what does. Symbolic sizes stay open, and values of size 0 are taken not to occur
 * where a Reshape infers a size. The model is normalised first; what that repaired stands in the result. Only what follows
 * from the inputs decides what is rewritten, never what the file declares of other values.
 * @param create computes constants and verifies
 * @throws OnnxError `numbers-differ` beyond the tolerance, `rewrite` when a rule breaks the model or constants cannot be
 *   computed, `shape` when the model's shapes contradict each other; `LegalityError` when the model is not legal, or with
 *   `strict` when it had to be repaired or declares what does not hold
 */
export async function simplify(
  model: Model,
  create: SessionFactory,
  options: SimplifyOptions = {},
): Promise<Simplified> {
  const { dims = {}, fuse = true, forInference = false, rules = [], verify = {}, verifyWith = create } = options;
  const { model: normal, typed, repairs, claims } = prepare(model, options);
  const frozen = Object.keys(dims).length > 0 ? inferShapes(normal, { dims }) : typed;
  const tally = new Tally();
  const start = constantsOnly(frozen);
  let rewritten = fuse && forInference ? importingContributed(start) : start;
  for (const { further, gather } of phasesOf(fuse, forInference)) {
    const { fold } = options;
    const all = [...exactRules, ...(fuse ? fusionRules : []), ...further, ...rules];
    const steps = stepsOf(create, all, { fold, gather, forInference });
    rewritten = await settle(rewritten, steps, collectNames(normal.graph), tally);
  }
  rewritten = withoutIdleImport(rewritten, start);
  const types = inferShapes(rewritten);
  const outputs = new Set(types.graph.outputs.map((o) => o.name));
  // A declared shape that the original got away with may be one that an executor checks in the simpler graph.
  const values = new Map([...provenInfos(rewritten)].filter(([name]) => !outputs.has(name)));
  const settled: Model = { ...types, graph: withKnownTypes({ ...types.graph, values }) };
  assertLegal(settled);
  const comparison = verify ? await compareModels(withInputs(model, frozen), settled, verifyWith, verify) : null;
  if (comparison) assertWithin(comparison);
  return {
    model: settled,
    repairs,
    claims,
    nodesBefore: countNodes(model.graph),
    nodesAfter: countNodes(settled.graph),
    steps: [...tally.counts].map(([rule, count]) => ({ rule, ...count })),
    declined: tally.declined,
    comparison,
  };
}
