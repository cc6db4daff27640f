/**
 * Gelu and layer normalisation, where an exporter wrote them as their arithmetic, as the operators that they are: the gradients of these
 * take fewer passes over the elements, and keep less of the forward pass.
 */
import {
  biasIntoLayerNorm,
  eliminateDeadCode,
  geluFromParts,
  layerNormFromParts,
  NEWEST_OPSET,
  readsOf,
  rewrite,
  type Graph,
  type Model,
  type Rule,
} from '@verge/onnx';
import { staticTypes, type Forward } from '../forward.js';

/** Each by itself: where one would lose a parameter, the other may still apply. */
const GROUPS: readonly (readonly Rule[])[] = [geluFromParts, [...layerNormFromParts, biasIntoLayerNorm]];

/** A lifted graph is one of every newer operator set as well (`modernize`). */
function modelOf(graph: Graph): Model {
  const domains = graph.nodes.map((n) => n.domain).filter((domain) => domain !== '');
  const opsets = new Map([['', NEWEST_OPSET], ...domains.map((domain) => [domain, 1] as const)]);
  return { irVersion: 10, opsets, graph, functions: [], metadata: new Map() };
}

/** Constants of more than one element that nodes read: what may be a parameter. */
function parametersRead(graph: Graph): Set<string> {
  const read = new Set(graph.nodes.flatMap((node) => [...readsOf(node)]));
  return new Set([...read].filter((name) => (graph.initializers.get(name)?.value.dims ?? []).some((d) => d > 1)));
}

/** The graph after the rules, or as it was where a parameter would get another name or a value would go that something reads by name. */
function applied(given: Graph, rules: readonly Rule[], kept: ReadonlySet<string>): Graph {
  // What no output needs goes with the first rule that fires; it is no loss.
  const { graph } = eliminateDeadCode(modelOf(given));
  const { model, fired } = rewrite(modelOf(graph), rules);
  if (fired.length === 0) return given;
  const parameters = parametersRead(model.graph);
  const made = new Set(model.graph.nodes.flatMap((n) => n.outputs));
  const lost = [...parametersRead(graph)].some((name) => !parameters.has(name));
  const before = new Set(graph.nodes.flatMap((n) => n.outputs));
  const gone = [...kept].some((name) => before.has(name) && !made.has(name));
  if (lost || gone) return given;
  return { ...model.graph, initializers: new Map([...given.initializers, ...model.graph.initializers]) };
}

/** @returns the same forward graph with such parts as one operator */
export function joinParts(forward: Forward, kept: ReadonlySet<string>): Forward {
  const graph = GROUPS.reduce((before, rules) => applied(before, rules, kept), forward.graph);
  if (graph === forward.graph) return forward;
  return { ...forward, graph, types: staticTypes(modelOf(graph)) };
}
