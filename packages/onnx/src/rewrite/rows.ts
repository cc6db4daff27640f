/**
 * Layers that treat each row of a batch of matrices alike, on one matrix of all rows: a product and its bias are one Gemm there,
 * which takes matrices only.
 */
import { attrInt, attrInts } from '../attributes.js';
import { collectNames, opsetVersion } from '../builder.js';
import type { Dim, Model, Node, StoredTensor, ValueType } from '../ir.js';
import { int64 } from '../tensor.js';
import { reshapeTo, shapeOf, wholeNumbers } from './rules/constants.js';
import { GraphView } from './view.js';

const UNARY: ReadonlySet<string> = new Set(
  'Relu Gelu Erf Sigmoid Tanh Sqrt Neg Exp Log Abs Reciprocal Softplus Softsign LeakyRelu Elu HardSigmoid HardSwish'.split(
    ' ',
  ),
);
const BINARY: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow']);
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** Halves are left: one rounding more or less shows in them. */
const PRECISE: ReadonlySet<string> = new Set(['float32', 'float64']);

/** The sizes in front of the last one, as text; null where the rows of a value cannot be counted on to come apart again. */
function batchOf(view: GraphView, name: string): string | null {
  const shape = shapeOf(view, name);
  if (!shape || shape.length < 3 || typeof shape.at(-1) !== 'number' || shape.includes(0)) return null;
  const batch = shape.slice(0, -1);
  return batch.includes(null) || batch.filter((d) => typeof d === 'string').length > 1 ? null : JSON.stringify(batch);
}

/** Whether a constant is the same for all rows, written as it may stay for a matrix. */
function isRow(view: GraphView, name: string): boolean {
  const dims = view.constant(name)?.dims;
  return dims !== undefined && dims.length <= 2 && dims.slice(0, -1).every((d) => d === 1);
}

/** The inputs of a node that are rows of one batch, where it treats every row alike and gives such rows; else null. */
function rowInputs(node: Node, view: GraphView): readonly string[] | null {
  if (node.domain !== '' || node.outputs.slice(1).some((name) => name !== '')) return null;
  const [first, ...others] = node.inputs;
  const batch = batchOf(view, node.outputs[0]!);
  const isRows = (name: string | undefined): boolean => name !== undefined && batchOf(view, name) === batch;
  if (batch === null || first === undefined) return null;
  if (UNARY.has(node.op)) return isRows(first) ? [first] : null;
  if (node.op === 'MatMul') {
    return isRows(first) && view.constant(others[0]!)?.dims.length === 2 ? [first] : null;
  }
  if (node.op === 'LayerNormalization') {
    const last = attrInt(node, 'axis', -1) === -1;
    return last && isRows(first) && others.every((name) => name === '' || isRow(view, name)) ? [first] : null;
  }
  if (node.op === 'ReduceMean') {
    const axes = node.inputs[1] ? wholeNumbers(view, node.inputs[1]) : attrInts(node, 'axes', []);
    return isRows(first) && axes?.join() === '-1' && attrInt(node, 'keepdims', 1) === 1 ? [first] : null;
  }
  if (!BINARY.has(node.op)) return null;
  const rows = node.inputs.filter((name) => isRows(name));
  return rows.length > 0 && node.inputs.every((name) => isRows(name) || isRow(view, name)) ? rows : null;
}

/** Whether an Add of a constant row can go into the product in front of it once both are matrices. */
function becomesGemm(node: Node, inside: ReadonlyMap<Node, readonly string[]>, view: GraphView): boolean {
  if (node.op !== 'Add') return false;
  return node.inputs.some((name, i) => {
    const product = view.producer(name);
    const bias = view.constant(node.inputs[1 - i]!);
    if (!bias || !PRECISE.has(bias.dtype) || product?.op !== 'MatMul' || !inside.has(product)) return false;
    const width = bias.dims.at(-1);
    return (
      (width === 1 || width === view.constant(product.inputs[1]!)?.dims[1]) &&
      !view.isOutput(name) &&
      view.users(name).length === 1
    );
  });
}

type Region = Map<Node, readonly string[]>;

/** The values that come into a region, and those that others read of it. */
function edgesOf(region: Region, view: GraphView): { inputs: string[]; outputs: string[] } {
  const inputs = new Set<string>();
  const outputs: string[] = [];
  for (const [node, rows] of region) {
    for (const name of rows) {
      const producer = view.producer(name);
      if (!producer || !region.has(producer)) inputs.add(name);
    }
    const [made] = node.outputs as [string];
    if (view.isOutput(made) || view.users(made).some((user) => !region.has(user))) outputs.push(made);
  }
  return { inputs: [...inputs], outputs };
}

/** Nodes that a region saves, less those that it takes at its edges. A Reshape beside one that is there merges with it. */
function gainOf(region: Region, view: GraphView): number {
  const { inputs, outputs } = edgesOf(region, view);
  const comesFree = (name: string): boolean =>
    VIEWS.has(view.producer(name)?.op ?? '') &&
    !view.isOutput(name) &&
    view.users(name).every((user) => region.has(user));
  const goesFree = (name: string): boolean =>
    !view.isOutput(name) && view.users(name).every((user) => region.has(user) || VIEWS.has(user.op));
  const saved = [...region.keys()].filter((node) => becomesGemm(node, region, view)).length;
  return saved - inputs.filter((name) => !comesFree(name)).length - outputs.filter((name) => !goesFree(name)).length;
}

/** Nodes that hang together by the rows that they read or make, of one batch. */
function regionsOf(view: GraphView): Region[] {
  const leader = new Map<string, string>();
  const find = (name: string): string => {
    let found = name;
    while (leader.has(found)) found = leader.get(found)!;
    return found;
  };
  const all: Region = new Map();
  for (const node of view.graph.nodes) {
    const rows = rowInputs(node, view);
    if (!rows) continue;
    all.set(node, rows);
    for (const name of rows) {
      const [a, b] = [find(name), find(node.outputs[0]!)];
      if (a !== b) leader.set(a, b);
    }
  }
  const regions = new Map<string, Region>();
  for (const [node, rows] of all) {
    const key = find(node.outputs[0]!);
    regions.set(key, (regions.get(key) ?? new Map()).set(node, rows));
  }
  return [...regions.values()];
}

/** The region without what costs more at its edges than it saves. */
function trimmed(region: Region, view: GraphView): { region: Region; gain: number } {
  let [best, gain] = [region, gainOf(region, view)];
  for (let changed = true; changed;) {
    changed = false;
    let edge = edgesOf(best, view);
    for (const node of best.keys()) {
      const atEdge =
        best.get(node)!.some((name) => edge.inputs.includes(name)) || edge.outputs.includes(node.outputs[0]!);
      if (!atEdge) continue;
      const smaller = new Map(best);
      smaller.delete(node);
      const left = gainOf(smaller, view);
      // A smaller region of the same gain leaves more as it was.
      if (left < gain) continue;
      [best, gain, changed] = [smaller, left, true];
      edge = edgesOf(best, view);
    }
  }
  return { region: best, gain };
}

/** Larger graphs are trimmed no further: that takes the square of the number of nodes. */
const MOST_TRIMMED = 1000;

/**
 * Puts a Reshape to one matrix in front of each region of layers that treat rows alike, and one back behind it, where products
 * and biases that become Gemms (`matmul-add-into-gemm`) save more nodes than that takes.
 * @returns the model and how many nodes that will save
 */
export function gatherRows(
  model: Model,
  types: ReadonlyMap<string, ValueType>,
  reserved: ReadonlySet<string> = new Set(),
): { model: Model; saved: number } {
  const opset = opsetVersion(model) ?? 1;
  // Gemm-7 broadcasts its third input.
  if (opset < 7) return { model, saved: 0 };
  const view = new GraphView(model.graph, opset, types);
  const taken = collectNames(model.graph, new Set(reserved));
  const fresh = (wanted: string): string => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  };
  const initializers = new Map<string, StoredTensor>();
  const reshape = (from: string, to: string, target: number[]): Node => {
    const shape = fresh(`${to}_shape`);
    initializers.set(shape, { name: shape, value: int64([target.length], target) });
    return { op: 'Reshape', domain: '', name: '', inputs: [from, shape], outputs: [to], attributes: new Map() };
  };
  const before = new Map<Node, Node[]>();
  const replaced = new Map<Node, Node[]>();
  let saved = 0;
  for (const whole of regionsOf(view)) {
    const { region, gain } =
      whole.size > MOST_TRIMMED ? { region: whole, gain: gainOf(whole, view) } : trimmed(whole, view);
    if (gain <= 0) continue;
    saved += gain;
    const { inputs, outputs } = edgesOf(region, view);
    const rows = new Map<string, string>();
    const columns = (name: string): number => shapeOf(view, name)!.at(-1) as number;
    for (const name of inputs) rows.set(name, fresh(`${name}_rows`));
    for (const node of region.keys()) rows.set(node.outputs[0]!, fresh(`${node.outputs[0]!}_rows`));
    const waiting = new Set(inputs);
    for (const [node, read] of region) {
      const starts = [...new Set(read)].filter((name) => waiting.delete(name));
      before.set(
        node,
        starts.map((name) => reshape(name, rows.get(name)!, [-1, columns(name)])),
      );
      const [made] = node.outputs as [string];
      const named = read.reduce((names, name) => names.set(name, rows.get(name)!), new Map<string, string>());
      const moved = { ...node, inputs: node.inputs.map((name) => named.get(name) ?? name), outputs: [rows.get(made)!] };
      const shape = shapeOf(view, made) as readonly Dim[];
      const back = reshapeTo([null, shape.at(-1)!], shape)!;
      replaced.set(node, outputs.includes(made) ? [moved, reshape(rows.get(made)!, made, back)] : [moved]);
    }
  }
  if (saved === 0) return { model, saved };
  const nodes = model.graph.nodes.flatMap((node) => [...(before.get(node) ?? []), ...(replaced.get(node) ?? [node])]);
  const graph = { ...model.graph, nodes, initializers: new Map([...model.graph.initializers, ...initializers]) };
  return { model: { ...model, graph }, saved };
}
