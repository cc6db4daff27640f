/** A model in another version of the default operator set. */
import { assertLegal } from '../check/index.js';
import { collectNames, GraphBuilder, isDefaultDomain, opsetVersion, subgraphs } from '../builder.js';
import { OnnxError } from '../errors.js';
import { inferShapes, valueTypes } from '../infer/index.js';
import type { Attribute, FunctionBody, Graph, Model, Node, ValueType } from '../ir.js';
import { operatorSpec } from '../specs/lookup.js';
import { constantNode, Inexpressible, Scope } from './scope.js';
import { LEAST_OPSET, MOST_OPSET, irVersionOf, steps } from './table.js';

export interface Converted {
  readonly model: Model;
  readonly from: number;
  readonly to: number;
  /** Nodes that are written otherwise now, by operator. */
  readonly changed: ReadonlyMap<string, number>;
}

interface Problem {
  readonly node: string;
  readonly reason: string;
}

class Conversion {
  readonly problems: Problem[] = [];
  readonly changed = new Map<string, number>();
  readonly #fresh: (stem: string) => string;

  constructor(
    private readonly from: number,
    private readonly to: number,
    names: Set<string>,
  ) {
    const builder = new GraphBuilder(undefined, names);
    this.#fresh = (stem) => builder.fresh(stem);
  }

  /** One node through every version between; its subgraphs first. */
  #node(node: Node, graphs: readonly Graph[], scope: Scope, added: (scope: Scope) => void): Node[] {
    const whole = this.#inside(node, graphs);
    if (!isDefaultDomain(node.domain)) return [whole];
    let nodes: Node[] = [whole];
    try {
      if (!operatorSpec(node.op, this.from)) throw new Inexpressible(`there is no such operator in ${this.from}`);
      const up = this.to > this.from;
      const versions = Array.from({ length: Math.abs(this.to - this.from) }, (_, i) =>
        up ? this.from + 1 + i : this.from - i,
      );
      for (const version of versions)
        nodes = nodes.flatMap((one) => {
          const step = isDefaultDomain(one.domain) ? steps(one.op).find(({ at }) => at === version) : undefined;
          return (up ? step?.up : step?.down)?.(one, scope) ?? one;
        });
      for (const one of nodes) this.#expressed(one);
    } catch (error) {
      if (!(error instanceof Inexpressible || (error instanceof OnnxError && error.code === 'attribute'))) throw error;
      this.problems.push({ node: `${node.op} '${node.name || (node.outputs[0] ?? '')}'`, reason: error.message });
      return [whole];
    }
    added(scope);
    if (nodes.length !== 1 || nodes[0] !== whole) this.changed.set(node.op, (this.changed.get(node.op) ?? 0) + 1);
    return nodes;
  }

  /** What the version asked for says of a node: whatever no adapter knows of is found here. @throws Inexpressible */
  #expressed(node: Node): void {
    const spec = operatorSpec(node.op, this.to);
    if (!spec || spec.deprecated) throw new Inexpressible(`there is no ${node.op} in ${this.to}`);
    const unknown = [...node.attributes.keys()].filter((name) => !spec.attributes.has(name));
    if (unknown.length > 0) throw new Inexpressible(`${node.op} has no ${unknown.join(', ')} in ${this.to}`);
    for (const [what, count, { min, max }] of [
      ['inputs', node.inputs.length, spec.inputs],
      ['outputs', node.outputs.length, spec.outputs],
    ] as const)
      if (count < min || count > max) throw new Inexpressible(`${node.op} has no ${count} ${what} in ${this.to}`);
  }

  #inside(node: Node, graphs: readonly Graph[]): Node {
    if (subgraphs(node).length === 0) return node;
    const attributes = new Map<string, Attribute>();
    for (const [name, a] of node.attributes) {
      if (a.kind === 'graph') attributes.set(name, { ...a, value: this.graph(a.value, graphs) });
      else if (a.kind === 'graphs') attributes.set(name, { ...a, value: a.value.map((g) => this.graph(g, graphs)) });
      else attributes.set(name, a);
    }
    return { ...node, attributes };
  }

  /** @param around graphs that this one lies in, the innermost last */
  graph(graph: Graph, around: readonly Graph[], outer: ReadonlyMap<string, ValueType> = new Map()): Graph {
    const graphs = [...around, graph];
    const types = new Map([...outer, ...graphs.flatMap((g) => [...valueTypes(g)])]);
    const scope = new Scope(graphs, types, this.#fresh);
    const initializers = new Map(graph.initializers);
    const keep = ({ added }: Scope): void => {
      for (const { name, tensor } of added) initializers.set(name, { name, value: tensor });
    };
    const nodes = graph.nodes.flatMap((node) => this.#node(node, graphs, scope, keep));
    return { ...graph, nodes, initializers };
  }

  /** A function says its own operator sets; constants are nodes there. */
  body(body: FunctionBody): FunctionBody {
    if (opsetVersion(body) === null) return body;
    const around = { inputs: [], initializers: new Map(), nodes: body.nodes } as unknown as Graph;
    const scope = new Scope([around], new Map(), this.#fresh);
    const nodes = body.nodes.flatMap((node) => this.#node(node, [], scope, () => undefined));
    const constants = scope.added.map(({ name, tensor }) => constantNode(name, tensor));
    return { ...body, nodes: [...constants, ...nodes], opsets: withVersion(body.opsets, this.to) };
  }
}

function withVersion(opsets: ReadonlyMap<string, number>, to: number): Map<string, number> {
  return new Map([...opsets].map(([domain, version]) => [domain, isDefaultDomain(domain) ? to : version]));
}

/**
 * Writes a model in another version of the default operator set, up or down. Other domains stay as they are.
 * @param to from `LEAST_OPSET` to `MOST_OPSET`
 * @returns a legal model; that it gives the same numbers is for the caller to check (`compareModels`)
 * @throws OnnxError `opset` naming every node that cannot be said in that version, with the reason; for versions out of
 *   range; `LegalityError` when the model is not legal
 */
export function convertOpset(model: Model, to: number): Converted {
  assertLegal(model);
  const from = opsetVersion(model);
  if (from === null) throw new OnnxError('opset', 'the model imports no default operator set');
  for (const [what, version] of [
    ['the model has', from],
    ['asked for is', to],
  ] as const)
    if (!Number.isInteger(version) || version < LEAST_OPSET || version > MOST_OPSET)
      throw new OnnxError('opset', `${what} operator set ${version}; ${LEAST_OPSET} to ${MOST_OPSET} are converted`);
  const typed = inferShapes(model);
  const conversion = new Conversion(from, to, namesOf(model));
  const graph = conversion.graph({ ...model.graph, values: typed.graph.values }, []);
  const functions = model.functions.map((body) => conversion.body(body));
  const { problems } = conversion;
  if (problems.length > 0) {
    const list = problems.map(({ node, reason }) => `${node}: ${reason}`);
    throw new OnnxError(
      'opset',
      `${problems.length} nodes cannot be written in operator set ${to}: ${list.join('; ')}`,
    );
  }
  const converted: Model = {
    ...model,
    irVersion: irVersionOf(model, to),
    opsets: withVersion(model.opsets, to),
    // Types of values that are gone would name nothing; those of the others are as the file had them.
    graph: { ...graph, values: new Map([...model.graph.values].filter(([name]) => made(graph).has(name))) },
    functions,
  };
  assertLegal(converted);
  return { model: converted, from, to, changed: conversion.changed };
}

const made = (graph: Graph): Set<string> => new Set(graph.nodes.flatMap((node) => node.outputs));

function namesOf(model: Model): Set<string> {
  const names = collectNames(model.graph);
  for (const body of model.functions) {
    for (const name of [...body.inputs, ...body.outputs]) names.add(name);
    for (const node of body.nodes) for (const name of [...node.inputs, ...node.outputs, node.name]) names.add(name);
  }
  return names;
}
