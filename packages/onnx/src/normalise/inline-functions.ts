/** Model-local functions written out where they are called (ONNX IR, "Functions"). */
import { collectNames, isDefaultDomain, opsetVersion, subgraphs } from '../builder.js';
import { functionKey } from '../check/nodes.js';
import { steps } from '../convert/table.js';
import { OnnxError } from '../errors.js';
import { bindAttributes } from '../infer/functions.js';
import type { Attribute, FunctionBody, Graph, Model, Node } from '../ir.js';
import { renameNode } from '../rewrite/rename.js';
import { operatorSpec } from '../specs/lookup.js';

export interface InlinedFunctions {
  /** The given model where nothing was inlined. */
  readonly model: Model;
  /** Functions that are written out now, with the number of their calls. */
  readonly inlined: ReadonlyMap<string, number>;
  /** Functions that stay, each with the reason. */
  readonly left: ReadonlyMap<string, string>;
}

/** Calls inside calls; a model that goes deeper calls itself. */
const MOST_DEPTH = 100;

/** Whether an operator is written alike and does the same in two versions of its operator set. */
function meansTheSame({ op, domain }: Node, own: number, outer: number): boolean {
  if (own === outer) return true;
  const spec = operatorSpec(op, own, domain);
  if (!spec || spec.since !== operatorSpec(op, outer, domain)?.since) return false;
  const [low, high] = [Math.min(own, outer), Math.max(own, outer)];
  return !isDefaultDomain(domain) || !steps(op).some(({ at }) => at > low && at <= high);
}

/** Operators that mean something else in the operator sets of the function than in those of the model. */
function differing(body: FunctionBody, model: Model): string[] {
  const found = new Set<string>();
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      const [own, outer] = [opsetVersion(body, node.domain), opsetVersion(model, node.domain)];
      if (own !== null && outer !== null && !meansTheSame(node, own, outer)) found.add(node.op);
      subgraphs(node).forEach((graph) => visit(graph.nodes));
    }
  };
  visit(body.nodes);
  return [...found];
}

/** Everything that is defined in some nodes, in the graphs inside them too. */
function definedBy(nodes: readonly Node[], into = new Set<string>()): Set<string> {
  for (const node of nodes) {
    for (const name of node.outputs) if (name !== '') into.add(name);
    for (const graph of subgraphs(node)) {
      for (const { name } of graph.inputs) into.add(name);
      for (const name of graph.initializers.keys()) into.add(name);
      for (const { values } of graph.sparseInitializers) into.add(values.name);
      definedBy(graph.nodes, into);
    }
  }
  return into;
}

const identity = (from: string, to: string): Node => ({
  ...{ op: 'Identity', domain: '', name: '' },
  ...{ inputs: [from], outputs: [to], attributes: new Map() },
});

class Inliner {
  readonly calls = new Map<string, number>();
  readonly #taken: Set<string>;

  constructor(
    graph: Graph,
    private readonly functions: ReadonlyMap<string, FunctionBody>,
  ) {
    this.#taken = collectNames(graph);
  }

  #fresh(stem: string): string {
    let name = stem;
    for (let n = 1; this.#taken.has(name); n++) name = `${stem}_${n}`;
    this.#taken.add(name);
    return name;
  }

  graph(graph: Graph, depth = 0): Graph {
    const nodes = this.nodes(graph.nodes, depth);
    return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes };
  }

  nodes(nodes: readonly Node[], depth: number): Node[] {
    return nodes.flatMap((node) => {
      const body = this.functions.get(functionKey(node.domain, node.op, node.overload));
      return body ? this.#call(this.#inside(node, depth), body, depth) : [this.#inside(node, depth)];
    });
  }

  #inside(node: Node, depth: number): Node {
    let changed = false;
    const each = (graph: Graph): Graph => {
      const inner = this.graph(graph, depth);
      changed ||= inner !== graph;
      return inner;
    };
    const attributes = new Map<string, Attribute>();
    for (const [name, a] of node.attributes) {
      if (a.kind === 'graph') attributes.set(name, { ...a, value: each(a.value) });
      else if (a.kind === 'graphs') attributes.set(name, { ...a, value: a.value.map(each) });
      else attributes.set(name, a);
    }
    return changed ? { ...node, attributes } : node;
  }

  #call(call: Node, body: FunctionBody, depth: number): Node[] {
    if (depth > MOST_DEPTH) throw new OnnxError('too-deep', `functions call each other more than ${MOST_DEPTH} deep`);
    this.calls.set(body.name, (this.calls.get(body.name) ?? 0) + 1);
    const label = call.name || body.name;
    // A missing input is absent inside, too.
    const names = new Map(body.inputs.map((name, i) => [name, call.inputs[i] ?? '']));
    const made = definedBy(body.nodes);
    body.outputs.forEach((name, i) => {
      const outer = call.outputs[i] ?? '';
      if (outer !== '' && made.has(name) && !names.has(name)) names.set(name, outer);
    });
    for (const name of made) if (!names.has(name)) names.set(name, this.#fresh(`${label}.${name}`));
    const nodes = bindAttributes(body, call).map((node) => {
      const name = this.#fresh(`${label}.${node.name || node.op}`);
      return { ...renameNode({ ...node, name: '' }, names), name };
    });
    // An input that is handed through, and a value that is two outputs.
    body.outputs.forEach((name, i) => {
      const [outer, inner] = [call.outputs[i] ?? '', names.get(name) ?? ''];
      if (outer !== '' && inner !== outer)
        nodes.push({ ...identity(inner, outer), name: this.#fresh(`${label}.copy`) });
    });
    return this.nodes(nodes, depth + 1);
  }
}

/**
 * Writes functions out where they are called, calls inside functions and inside the graphs of nodes too. The numbers
 * are the same. A function stays where one of its operators means something else in the function's operator set than in
 * the model's. The given model is not changed.
 * @param model without functions that call themselves
 * @throws OnnxError `too-deep` when functions call each other more than 100 deep
 */
export function inlineFunctions(model: Model): InlinedFunctions {
  const left = new Map<string, string>();
  const functions = new Map<string, FunctionBody>();
  const opsets = new Map(model.opsets);
  for (const body of model.functions) {
    const operators = differing(body, model);
    if (operators.length > 0) {
      const what = operators.join(', ');
      left.set(body.name, `${what}: another version in the function's operator set than in the model's`);
      continue;
    }
    functions.set(functionKey(body.domain, body.name, body.overload), body);
    for (const [domain, version] of body.opsets) if (!opsets.has(domain)) opsets.set(domain, version);
  }
  if (functions.size === 0) return { model, inlined: new Map(), left };
  const inliner = new Inliner(model.graph, functions);
  const graph = inliner.graph(model.graph);
  // What stays may call what was inlined elsewhere.
  const kept = model.functions.filter((body) => left.has(body.name));
  const stays = kept.map((body) => ({ ...body, nodes: inliner.nodes(body.nodes, 1) }));
  return { model: { ...model, opsets, graph, functions: stays }, inlined: inliner.calls, left };
}
