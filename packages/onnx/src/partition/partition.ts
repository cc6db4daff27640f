/** Cutting a graph into consecutive stages, say for a pipeline of devices. */
import { assertLegal } from '../check/index.js';
import { OnnxError } from '../errors.js';
import { valueTypes, type Claim } from '../infer/index.js';
import { provenInfos } from '../infer/proofs.js';
import type { Model } from '../ir.js';
import { prepare, type Repair } from '../normalise/index.js';
import { atSizes } from '../sizes.js';
import { cutSequence } from './cut.js';
import { stageModel } from './extract.js';
import { flowOf, receivesOf, ValueSizes, type Flow } from './flow.js';
import { defaultCost, nodeCosts, type NodeCost } from './node-costs.js';

export interface PartitionOptions {
  /** How many stages; each gets at least one node. */
  stages: number;
  /** Cost of each node, or measured costs by node name; `defaultCost` when absent. */
  cost?: NodeCost | ReadonlyMap<string, number>;
  /** Sizes of symbolic dimensions at which costs and traffic are counted, 1 for those not named. Stages keep them open. */
  dims?: Readonly<Record<string, number>>;
  /** Measured bytes of values by name, where the graph does not tell them. */
  bytes?: ReadonlyMap<string, number>;
  /** Share by which the dearest stage may cost more than it must, where that saves traffic. 0.05 when absent. */
  slack?: number;
  /** Refuses a model that breaks a rule or declares what does not hold, instead of repairing it and saying so. */
  strict?: boolean;
}

export interface Stage {
  /** A legal model of its own. */
  readonly model: Model;
  /** What must be fed: inputs of the whole graph and outputs of earlier stages, by their names in the whole. */
  readonly inputs: readonly string[];
  /** What later stages read and what the whole graph gives. */
  readonly outputs: readonly string[];
  readonly cost: number;
  /** Bytes that the stage takes in, 0 for the first; null when the size of a value is unknown. */
  readonly trafficBytes: number | null;
}

export interface Partitioned {
  readonly stages: readonly Stage[];
  /** Cost of the dearest stage: what a full pipeline's throughput hangs on. */
  readonly bottleneck: number;
  /** Mean cost of a stage over that of the dearest: 1 when all cost the same. */
  readonly balance: number;
  /** Sum over the stages; null when one is unknown. */
  readonly trafficBytes: number | null;
  /** What was repaired before anything else. */
  readonly repairs: readonly Repair[];
  /** Declarations of the file that do not hold, and so decided nothing. */
  readonly claims: readonly Claim[];
}

function checked({ stages, slack = 0.05 }: PartitionOptions, flow: Flow): number {
  const problems: string[] = [];
  if (!Number.isInteger(stages) || stages < 1) problems.push(`stages must be a whole number from 1, not ${stages}`);
  else if (stages > flow.placed.length) {
    problems.push(`${stages} stages for ${flow.placed.length} nodes that depend on the inputs`);
  }
  if (!(slack >= 0 && slack < Infinity)) problems.push(`slack must be a number from 0, not ${slack}`);
  if (problems.length > 0) throw new OnnxError('partition', problems.join('; '));
  return slack;
}

function uncuttable(flow: Flow, sizes: ValueSizes, stages: number): OnnxError {
  const names = [...flow.availableAfter.keys()].filter((name) => sizes.assumed(name) === Infinity);
  const list = names.slice(0, 10).map((name) => JSON.stringify(name));
  return new OnnxError(
    'partition',
    `no ${stages} stages without handing on a value that is no tensor, or of unknown element type: ${list.join(', ')}`,
  );
}

const total = (list: readonly (number | null)[]): number | null =>
  list.reduce<number | null>((sum, n) => (sum === null || n === null ? null : sum + n), 0);

/**
 * Cuts the graph, in the order of its nodes, into consecutive stages. Among all cuts whose dearest stage costs at most
 * (1 + slack) times the least possible, those for which the stages after the first take in the fewest bytes; among
 * these, those whose dearest stage is the cheapest. A value counts once for each stage that reads it, as when it is
 * sent there directly. What depends on no input is copied into every stage that needs it and costs nothing.
 *
 * A stage is a legal model with its own initializers; running the stages in order, each on the values that it names,
 * gives the outputs of the whole.
 * @throws OnnxError `partition` when there are fewer nodes than stages, a cost is no number, or every cut would hand on
 *   a value that is no tensor; `shape` when the model's shapes contradict each other
 */
export function partition(given: Model, options: PartitionOptions): Partitioned {
  const { dims, cost = defaultCost, bytes = new Map<string, number>(), stages } = options;
  const { model, typed: whole, repairs, claims } = prepare(given, options);
  // What flows between stages is declared as far as it is proven: a stage refuses a feed that its inputs contradict.
  const typed: Model = { ...whole, graph: { ...whole.graph, values: provenInfos(model) } };
  const flow = flowOf(typed.graph);
  const slack = checked(options, flow);
  const types = valueTypes(atSizes(model, dims).model.graph);
  const sizes = new ValueSizes(types, flow.availableAfter.keys(), bytes);
  const costs = nodeCosts(flow.placed, types, cost);
  const cuts = cutSequence({ costs, receives: receivesOf(flow, sizes) }, stages, slack);
  if (!cuts) throw uncuttable(flow, sizes, stages);
  const made = cuts.starts.map((start, k): Stage => {
    const end = cuts.starts[k + 1] ?? flow.placed.length;
    const stage = stageModel(typed, flow, start, end, `${typed.graph.name}-stage-${k + 1}`);
    assertLegal(stage);
    const defaults = stage.graph.initializers;
    const inputs = stage.graph.inputs.map((i) => i.name).filter((name) => !defaults.has(name));
    return {
      model: stage,
      inputs,
      outputs: stage.graph.outputs.map((o) => o.name),
      cost: costs.slice(start, end).reduce((sum, c) => sum + c, 0),
      trafficBytes: k === 0 ? 0 : total(inputs.map((name) => sizes.known(name))),
    };
  });
  const mean = costs.reduce((sum, c) => sum + c, 0) / stages;
  return {
    stages: made,
    bottleneck: cuts.bottleneck,
    balance: cuts.bottleneck === 0 ? 1 : mean / cuts.bottleneck,
    trafficBytes: total(made.map((stage) => stage.trafficBytes)),
    repairs,
    claims,
  };
}
