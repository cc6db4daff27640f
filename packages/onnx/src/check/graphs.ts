/** Names, scopes and order of graphs (ONNX docs/IR.md, "Graphs" and "Nodes"). */
import { subgraphs } from '../builder.js';
import type { Graph, Node, StoredTensor, ValueInfo, ValueType } from '../ir.js';
import { checkNode, nodeLabel, type NodeContext } from './nodes.js';

/** The names that a graph can see: its own and, for a subgraph, those of the graphs around it. */
export interface Scope {
  readonly names: Set<string>;
  readonly outer: Scope | null;
}

function sees(scope: Scope | null, name: string): boolean {
  for (let s = scope; s; s = s.outer) if (s.names.has(name)) return true;
  return false;
}

export interface GraphContext extends NodeContext {
  readonly irVersion: number;
}

/** Adds a name to a scope; SSA allows each only once (docs/IR.md: names are unique within a graph and its subgraphs). */
function define(scope: Scope, name: string, what: string, context: GraphContext, node?: string): void {
  if (scope.names.has(name)) {
    context.findings.add({
      code: 'duplicate-value',
      subject: name,
      ...(node !== undefined && { node }),
      message: `the value ${JSON.stringify(name)} is defined again as ${what}`,
    });
  } else if (sees(scope.outer, name)) {
    context.findings.add({
      code: 'shadowed-value',
      subject: name,
      warning: true,
      ...(node !== undefined && { node }),
      message: `${what} ${JSON.stringify(name)} hides a value of an outer graph`,
    });
  }
  scope.names.add(name);
}

function checkDims(type: ValueType | null, name: string, context: GraphContext): void {
  for (
    let t = type;
    t;
    t = t.kind === 'sequence' || t.kind === 'optional' ? t.element : t.kind === 'map' ? t.value : null
  ) {
    if (t.kind !== 'tensor' && t.kind !== 'sparse') continue;
    const bad = t.shape?.find((d) => typeof d === 'number' && d < 0);
    if (bad !== undefined) {
      context.findings.add({
        code: 'negative-dimension',
        subject: name,
        message: `the type of ${JSON.stringify(name)} has the dimension ${bad}`,
      });
    }
  }
}

function checkInterface(graph: Graph, main: boolean, context: GraphContext): void {
  for (const [what, list] of [
    ['input', graph.inputs],
    ['output', graph.outputs],
  ] as const) {
    for (const { name, type } of list) {
      if (name === '') context.findings.add({ code: 'empty-name', message: `a graph ${what} has no name` });
      checkDims(type, name, context);
      // docs/IR.md: the types of the main graph's inputs and outputs must be given, at least without shapes.
      const known = type && type.kind !== 'unspecified' && !(type.kind === 'tensor' && type.dtype === null);
      if (!known && main && what === 'input') {
        context.findings.add({
          code: 'missing-type',
          subject: name,
          message: `input ${JSON.stringify(name)} has no type`,
        });
      }
    }
  }
}

function checkStored(tensor: StoredTensor, input: ValueInfo | undefined, context: GraphContext): void {
  const { name, value } = tensor;
  const say = JSON.stringify(name);
  if (tensor.segment) {
    context.findings.add({
      code: 'initializer-segment',
      subject: name,
      message: `initializer ${say} is only a segment`,
    });
  }
  const type = input?.type;
  if (type?.kind !== 'tensor') return;
  const fits =
    (type.dtype === null || type.dtype === value.dtype) &&
    (type.shape === null ||
      (type.shape.length === value.dims.length &&
        type.shape.every((d, i) => typeof d !== 'number' || d === value.dims[i])));
  if (!fits) {
    const [declared, stored] = [`${type.dtype}[${type.shape ?? '?'}]`, `${value.dtype}[${value.dims}]`];
    context.findings.add({
      code: 'initializer-type',
      subject: name,
      message: `initializer ${say} is ${stored}, the graph input of that name ${declared}`,
    });
  }
}

function checkInitializers(graph: Graph, scope: Scope, main: boolean, context: GraphContext): void {
  const inputs = new Map(graph.inputs.map((info) => [info.name, info]));
  const define1 = (name: string, what: string): void => {
    if (name === '') context.findings.add({ code: 'empty-name', message: `${what} has no name` });
    // docs/IR.md: an initializer with the name of an input is its default value.
    else if (!inputs.has(name)) define(scope, name, what, context);
    if (!inputs.has(name) && context.irVersion < 4 && context.irVersion > 0 && main) {
      context.findings.add({
        code: 'initializer-not-input',
        subject: name,
        message: `before IR version 4 the initializer ${JSON.stringify(name)} must be a graph input too`,
      });
    }
  };
  for (const [name, tensor] of graph.initializers) {
    define1(name, 'an initializer');
    checkStored(tensor, inputs.get(name), context);
  }
  for (const { values, indices, dims } of graph.sparseInitializers) {
    define1(values.name, 'a sparse initializer');
    const shape = indices.value.dims;
    const rank = shape.length === 2 ? shape[1] : 1;
    const right =
      values.value.dims.length === 1 && shape[0] === values.value.dims[0] && indices.value.dtype === 'int64';
    if (!right || (shape.length === 2 ? rank !== dims.length : shape.length !== 1)) {
      context.findings.add({
        code: 'sparse-tensor',
        subject: values.name,
        message: `sparse initializer ${JSON.stringify(values.name)}: values, indices and shape disagree`,
      });
    }
  }
}

/** Nodes that wait for a later one: out of order when an order exists, otherwise a cycle. */
function reportLate(nodes: readonly Node[], producer: ReadonlyMap<string, number>, context: GraphContext): void {
  const waiting = nodes.map(() => 0);
  const readers: number[][] = nodes.map(() => []);
  nodes.forEach((node, i) => {
    for (const name of new Set(reads(node))) {
      const from = producer.get(name);
      if (from === undefined) continue;
      waiting[i]!++;
      readers[from]!.push(i);
    }
  });
  const ready = [...waiting.keys()].filter((i) => waiting[i] === 0);
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    for (const reader of readers[i]!) if (--waiting[reader]! === 0) ready.push(reader);
  }
  nodes.forEach((node, i) => {
    const late = node.inputs.find((name) => (producer.get(name) ?? -1) >= i);
    const label = nodeLabel(node);
    if (waiting[i]! > 0) {
      context.findings.add({ code: 'cycle', node: label, message: `${label} depends on its own result` });
    } else if (late !== undefined) {
      context.findings.add({
        code: 'topological-order',
        node: label,
        subject: late,
        message: `${label} reads ${JSON.stringify(late)}, which a later node computes`,
      });
    }
  });
}

/** The names that a node reads, those of its subgraphs included. */
function reads(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== '');
  for (const sub of subgraphs(node)) for (const inner of sub.nodes) names.push(...reads(inner));
  return names;
}

/** The nodes of a graph or function in a scope that holds its inputs and initializers. */
export function checkNodes(nodes: readonly Node[], scope: Scope, context: GraphContext): void {
  const producer = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.outputs) if (name !== '' && !producer.has(name)) producer.set(name, i);
  });
  let late = false;
  nodes.forEach((node) => {
    if (context.findings.full) return;
    const label = nodeLabel(node);
    checkNode(node, context);
    for (const name of node.inputs) {
      if (name === '' || sees(scope, name)) continue;
      if (producer.has(name)) late = true;
      else {
        context.findings.add({
          code: 'undefined-input',
          node: label,
          subject: name,
          message: `${label} reads ${JSON.stringify(name)}, which nothing defines`,
        });
      }
    }
    for (const sub of subgraphs(node)) checkGraph(sub, scope, context);
    for (const name of node.outputs) if (name !== '') define(scope, name, `an output of ${label}`, context, label);
  });
  if (late) reportLate(nodes, producer, context);
}

export function checkGraph(graph: Graph, outer: Scope | null, context: GraphContext): void {
  const scope: Scope = { names: new Set(), outer };
  const main = outer === null;
  checkInterface(graph, main, context);
  for (const { name } of graph.inputs) if (name !== '') define(scope, name, 'a graph input', context);
  checkInitializers(graph, scope, main, context);
  checkNodes(graph.nodes, scope, context);
  for (const { name } of graph.outputs) {
    if (name === '' || sees(scope, name)) continue;
    context.findings.add({
      code: 'undefined-output',
      subject: name,
      message: `graph output ${JSON.stringify(name)} is computed by no node`,
    });
  }
}
