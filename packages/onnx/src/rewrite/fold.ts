/** Constant folding: what does not depend on inputs is computed once, by an executor. */
import { tensorInfo } from '../builder.js';
import { assertLegal } from '../check/index.js';
import { emptyGraph } from '../codec/graphs.js';
import { byteLengthOf } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import { inferShapes, provenTypes } from '../infer/index.js';
import type { Model, Node, StoredTensor, ValueType } from '../ir.js';
import type { SessionFactory } from '../session.js';
import { elementCount, int64, type Tensor } from '../tensor.js';
import { eliminateDeadCode } from './edit.js';
import { isPure } from './pure.js';
import { GraphView } from './view.js';
import { openModel } from '../open-model.js';

export interface FoldOptions {
  /** Results larger than this stay computed: folding must not blow up the file. 16 MiB when absent. */
  maxBytes?: number;
  /**
   * Operators that stay even with constant inputs. Quantisation by default: folding DequantizeLinear would replace
   * int8 weights by float ones.
   */
  keep?: readonly string[];
  /** What is proven of the values of the model (`provenTypes`); found here when absent. */
  types?: ReadonlyMap<string, ValueType>;
}

const QUANTIZATION = ['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear'];

/** The result of Shape or Size when the input's sizes are all known, whatever its values. */
function staticShape(node: Node, types: ReadonlyMap<string, ValueType>): Tensor | null {
  const type = types.get(node.inputs[0] ?? '');
  const shape = type?.kind === 'tensor' ? type.shape : null;
  if (!shape?.every((d): d is number => typeof d === 'number')) return null;
  if (node.op === 'Size') return int64([], [elementCount(shape)]);
  const bound = (name: string): number | undefined => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === 'int' ? Number(attribute.value) : undefined;
  };
  const part = shape.slice(bound('start'), bound('end'));
  return int64([part.length], part);
}

/** Whether every result is a tensor: sequences and optionals cannot be stored. */
function makesTensors(node: Node, types: ReadonlyMap<string, ValueType>): boolean {
  if (/^(Sequence|Optional|SplitToSequence)/.test(node.op)) return false;
  return node.outputs.every((name) => (types.get(name)?.kind ?? 'tensor') === 'tensor');
}

function fits(node: Node, types: ReadonlyMap<string, ValueType>, maxBytes: number): boolean {
  return node.outputs.every((name) => {
    const type = types.get(name);
    if (type?.kind !== 'tensor' || !type.dtype || !type.shape?.every((d) => typeof d === 'number')) return true;
    return byteLengthOf(type.dtype, elementCount(type.shape as number[])) <= maxBytes;
  });
}

interface Plan {
  /** Nodes to run, in order. */
  readonly nodes: Node[];
  /** Values known without running anything. */
  readonly known: Map<string, Tensor>;
}

function plan(model: Model, types: ReadonlyMap<string, ValueType>, options: FoldOptions): Plan {
  const { maxBytes = 16 * 2 ** 20, keep = QUANTIZATION } = options;
  const view = new GraphView(model.graph);
  const never = new Set(keep);
  const constant = new Set<string>();
  const result: Plan = { nodes: [], known: new Map() };
  for (const name of model.graph.initializers.keys()) if (view.constant(name)) constant.add(name);
  for (const node of model.graph.nodes) {
    if (!isPure(node) || never.has(node.op) || !makesTensors(node, types)) continue;
    const sizes = node.op === 'Shape' || node.op === 'Size' ? staticShape(node, types) : null;
    const stored = node.op === 'Constant' ? view.constant(node.outputs[0]!) : null;
    // Executors do not give a sparse constant as the output of a model.
    if (node.op === 'Constant' && node.attributes.has('sparse_value')) continue;
    if (sizes) result.known.set(node.outputs[0]!, sizes);
    else if (stored) result.known.set(node.outputs[0]!, stored);
    else if (node.inputs.every((name) => name === '' || constant.has(name)) && fits(node, types, maxBytes)) {
      result.nodes.push(node);
    } else continue;
    for (const name of node.outputs) if (name !== '') constant.add(name);
  }
  return result;
}

/** Runs the nodes of a plan as a model of their own and gives the values that the rest of the graph reads. */
async function compute(model: Model, { nodes, known }: Plan, run: SessionFactory): Promise<Map<string, Tensor>> {
  const inside = new Set(nodes);
  const view = new GraphView(model.graph);
  const wanted = nodes
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '' && (view.isOutput(name) || view.users(name).some((user) => !inside.has(user))));
  if (wanted.length === 0) return new Map();
  const initializers = new Map<string, StoredTensor>();
  for (const name of nodes.flatMap((node) => node.inputs)) {
    const stored = model.graph.initializers.get(name);
    const value = known.get(name);
    if (stored) initializers.set(name, stored);
    else if (value) initializers.set(name, { name, value });
  }
  const outputs = wanted.map((name) => tensorInfo(name, null, null));
  const part: Model = {
    irVersion: Math.max(model.irVersion, 4),
    opsets: model.opsets,
    graph: { ...emptyGraph('constants'), nodes, initializers, outputs },
    functions: [],
    metadata: new Map(),
  };
  // Executors want the element types of outputs to be stated.
  const session = await openModel(run, inferShapes(part), { optimization: 'disabled' });
  try {
    return new Map(Object.entries(await session.run({})));
  } finally {
    await session.release();
  }
}

/**
 * Replaces every subgraph that depends on no input by its result, computed by `run`, and every Shape or Size of a
 * value of known sizes by its elements; then drops what nothing needs.
 * @throws OnnxError `rewrite` when the executor fails, with its error as the cause
 */
export async function foldConstants(model: Model, run: SessionFactory, options: FoldOptions = {}): Promise<Model> {
  const types = options.types ?? provenTypes(model);
  const todo = plan(model, types, options);
  let results: Map<string, Tensor>;
  try {
    results = await compute(model, todo, run);
  } catch (cause) {
    throw new OnnxError('rewrite', `constants could not be computed: ${String(cause)}`, { cause });
  }
  const gone = new Set(todo.nodes);
  const made = new Map<string, StoredTensor>();
  for (const [name, value] of [...todo.known, ...results]) made.set(name, { name, value });
  const folded = eliminateDeadCode({
    ...model,
    graph: {
      ...model.graph,
      nodes: model.graph.nodes.filter((node) => !gone.has(node) && !todo.known.has(node.outputs[0]!)),
      initializers: new Map([...model.graph.initializers, ...made]),
    },
  });
  assertLegal(folded);
  return folded;
}
