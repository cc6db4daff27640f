/** Repairs of graphs, of the graphs inside their nodes, and of the bodies of functions. */
import { isDefaultDomain } from '../builder.js';
import { nodeLabel } from '../check/nodes.js';
import { mapDims } from '../infer/declared.js';
import type { Attribute, Graph, Node, StoredTensor, ValueInfo } from '../ir.js';
import { denseOf } from './dense.js';
import { sorted } from './order.js';
import type { Repairs } from './repairs.js';

const quoted = (name: string): string => JSON.stringify(name);

/** Sizes below 0 are how some exporters write an open one; executors take them so. */
export function withOpenSizes(info: ValueInfo, repairs: Repairs): ValueInfo {
  const found = new Set<number>();
  const type =
    info.type &&
    mapDims(info.type, (d) => {
      if (typeof d !== 'number' || d >= 0) return d;
      found.add(d);
      return null;
    });
  if (found.size === 0) return info;
  const sizes = [...found].join(', ');
  repairs.add('negative-dimension', info.name, `${quoted(info.name)} is declared with the size ${sizes}: it is open`);
  return { ...info, type };
}

/** The same list where no element changed. */
function mapped<T>(list: readonly T[], f: (item: T) => T): readonly T[] {
  const result = list.map(f);
  return result.every((item, i) => item === list[i]) ? list : result;
}

function repairedAttributes(node: Node, repairs: Repairs): Map<string, Attribute> {
  let changed = false;
  const attributes = new Map<string, Attribute>();
  const keep = (name: string, a: Attribute, old: Attribute): void => {
    changed ||= a !== old;
    attributes.set(name, a);
  };
  for (const [name, a] of node.attributes) {
    if (a.kind === 'graph') {
      const value = repairedGraph(a.value, repairs);
      keep(name, value === a.value ? a : { ...a, value }, a);
    } else if (a.kind === 'graphs') {
      const value = mapped(a.value, (graph) => repairedGraph(graph, repairs));
      keep(name, value === a.value ? a : { ...a, value }, a);
    } else if (a.kind === 'sparse' && name === 'sparse_value' && node.op === 'Constant') {
      const value = denseOf(a.value);
      if (value) {
        repairs.add('sparse-tensor', nodeLabel(node), `the sparse value of ${nodeLabel(node)} is stored dense`, true);
        keep('value', { kind: 'tensor', value: { ...value, name: '' } }, a);
      } else keep(name, a, a);
    } else keep(name, a, a);
  }
  return changed ? attributes : node.attributes;
}

function repairedNode(node: Node, repairs: Repairs): Node {
  const attributes = repairedAttributes(node, repairs);
  const domain = isDefaultDomain(node.domain) ? '' : node.domain;
  if (domain !== node.domain) {
    repairs.add('node-domain', nodeLabel(node), `${nodeLabel(node)} names the default domain 'ai.onnx'`, true);
  }
  if (attributes === node.attributes && domain === node.domain) return node;
  const { stated, ...rest } = node;
  return { ...rest, ...(domain === node.domain && stated !== undefined && { stated }), attributes, domain };
}

/** Nodes of one name, the second and later ones with a name of their own. */
function withOwnNames(nodes: readonly Node[], repairs: Repairs): readonly Node[] {
  const taken = new Set(nodes.map((node) => node.name));
  const seen = new Set<string>();
  return mapped(nodes, (node) => {
    if (node.name === '' || !seen.has(node.name)) {
      seen.add(node.name);
      return node;
    }
    let name: string;
    for (let n = 2; taken.has((name = `${node.name}_${n}`)); n++);
    taken.add(name);
    repairs.add('node-name', node.name, `two nodes are called ${quoted(node.name)}: the later one is ${quoted(name)}`);
    return { ...node, name };
  });
}

/** The nodes of a graph or a function. @returns the same array where nothing was to repair */
export function repairedNodes(nodes: readonly Node[], repairs: Repairs): Node[] {
  const each = withOwnNames(
    mapped(nodes, (node) => repairedNode(node, repairs)),
    repairs,
  );
  const order = sorted(each);
  for (const label of order.late) {
    repairs.add('topological-order', label, `${quoted(label)} stands before a node that it reads from`);
  }
  return order.nodes as Node[];
}

function withDense(graph: Graph, repairs: Repairs): Graph {
  const dense: StoredTensor[] = [];
  const left = graph.sparseInitializers.filter((sparse) => {
    const tensor = graph.initializers.has(sparse.values.name) ? null : denseOf(sparse);
    if (!tensor) return true;
    const name = quoted(tensor.name);
    repairs.add('sparse-tensor', tensor.name, `the sparse initializer ${name} is stored dense`, true);
    dense.push(tensor);
    return false;
  });
  if (dense.length === 0) return graph;
  const initializers = new Map([...graph.initializers, ...dense.map((t) => [t.name, t] as const)]);
  return { ...graph, initializers, sparseInitializers: left };
}

/** @returns the same graph where nothing was to repair */
export function repairedGraph(given: Graph, repairs: Repairs): Graph {
  const graph = withDense(given, repairs);
  const open = (info: ValueInfo): ValueInfo => withOpenSizes(info, repairs);
  const nodes = repairedNodes(graph.nodes, repairs);
  const inputs = mapped(graph.inputs, open) as ValueInfo[];
  const outputs = mapped(graph.outputs, open) as ValueInfo[];
  const stored = [...graph.values.values()];
  const values = mapped(stored, open);
  const same = nodes === graph.nodes && inputs === graph.inputs && outputs === graph.outputs && values === stored;
  if (same) return graph;
  return { ...graph, nodes, inputs, outputs, values: new Map(values.map((info) => [info.name, info])) };
}
