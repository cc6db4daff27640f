/** The form that all verbs start from, with a list of what was repaired to get there. */
import { assertLegal } from '../check/index.js';
import { inferTypes, type Claim } from '../infer/index.js';
import type { FunctionBody, Model, ValueInfo } from '../ir.js';
import { repairedGraph, repairedNodes, withOpenSizes } from './graphs.js';
import { withImports } from './imports.js';
import { refuseRepaired, Repairs, type Repair } from './repairs.js';

export interface NormaliseOptions {
  /** Refuses a model that breaks a rule, naming all that would have been repaired. */
  strict?: boolean;
}

export interface Normalised {
  readonly model: Model;
  /** What was changed; empty where the model is the one that was given. */
  readonly repairs: readonly Repair[];
}

function repairedFunction(given: FunctionBody, repairs: Repairs): FunctionBody {
  // A function without imports uses those of the model.
  const body = given.opsets.size > 0 ? withImports(given, given.nodes, repairs) : given;
  const nodes = repairedNodes(body.nodes, repairs);
  const stored = [...(body.values?.values() ?? [])];
  const values = stored.map((info): ValueInfo => withOpenSizes(info, repairs));
  const open = values.some((info, i) => info !== stored[i]);
  if (nodes === body.nodes && !open) return body;
  return { ...body, nodes, ...(open && { values: new Map(values.map((info) => [info.name, info])) }) };
}

/** Executors take such initializers for constants, which they are since IR version 4 without being inputs. */
function withConstants(model: Model, repairs: Repairs): Model {
  const { irVersion, graph } = model;
  const inputs = new Set(graph.inputs.map((i) => i.name));
  const lost = [...graph.initializers.keys()].filter((name) => !inputs.has(name));
  if (irVersion < 1 || irVersion >= 4 || lost.length === 0) return model;
  for (const name of lost) {
    const message = `the initializer ${JSON.stringify(name)} is no input, as IR version ${irVersion} wants it to be`;
    repairs.add('initializer-not-input', name, message);
  }
  const kept = graph.inputs.filter((i) => !graph.initializers.has(i.name));
  return { ...model, irVersion: 4, graph: { ...graph, inputs: kept } };
}

function named(model: Model, repairs: Repairs): Model {
  if (model.graph.name !== '') return model;
  repairs.add('graph-name', '', 'the graph has no name');
  const { stated: _, ...graph } = model.graph;
  return { ...model, graph: { ...graph, name: 'graph' } };
}

/**
 * A model as the rules of ONNX want it, repaired where executors take it though it breaks them: negative sizes, nodes out of
 * order, operator sets imported twice or not at all, nodes of one name, a graph without a name, initializers of IR version 3
 * that are no inputs. What is within the rules but has two spellings gets one: the default domain is '', sparse tensors are
 * dense up to 2^24 elements. What cannot be repaired stays, for `checkModel` to report. The given model is not changed, and
 * is returned where nothing was to do.
 * @throws OnnxError `duplicate-name` when the default operator set is imported in two versions; with `strict` a
 *   `LegalityError` that names every repair of what breaks a rule
 */
export function normalise(model: Model, { strict = false }: NormaliseOptions = {}): Normalised {
  const repairs = new Repairs();
  const imported = withConstants(named(withImports(model, model.graph.nodes, repairs), repairs), repairs);
  const graph = repairedGraph(imported.graph, repairs);
  const functions = imported.functions.map((body) => repairedFunction(body, repairs));
  const same = graph === imported.graph && functions.every((body, i) => body === imported.functions[i]);
  if (strict) refuseRepaired(repairs.list);
  return { model: same ? imported : { ...imported, graph, functions }, repairs: repairs.list };
}

export interface Prepared extends Normalised {
  /** The model as `inferShapes` gives it. */
  readonly typed: Model;
  /** Declarations that do not hold. */
  readonly claims: readonly Claim[];
}

/**
 * What a verb starts from: the normalised model, legal, with its types.
 * @throws OnnxError as `normalise` and `inferShapes`, `LegalityError` when it is not legal; with `strict` one that names
 *   every repair and every contradicted declaration
 */
export function prepare(given: Model, { strict = false }: NormaliseOptions = {}): Prepared {
  const { model, repairs } = normalise(given);
  assertLegal(model);
  const { model: typed, claims } = inferTypes(model);
  if (strict) refuseRepaired(repairs, claims);
  return { model, repairs, typed, claims };
}
