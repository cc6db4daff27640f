/**
 * A model whose nodes and values are called by number. Whatever an executor fuses, it calls a kernel after a node or a value that it was made
 * of, so that the number is found in the kernel's name.
 */
import { renameGraph, type KernelTime, type Model, type Node } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../../graph/index-of-values.js';

const LABEL = /unit<(\d+)>/;
export const labelOf = (index: number): string => `unit<${index}>`;

/** The number of a node, wherever the graph that it is in now has it; -1 of one that came later. */
export const placeOf = ({ name }: Node): number => Number(LABEL.exec(name)?.[1] ?? -1);

/** Nodes in the order of the model's; inputs and outputs of the model keep their names. */
export function labelled(model: Model): Model {
  const edges = new Set([...model.graph.inputs, ...model.graph.outputs].map((value) => value.name));
  const names = new Map<string, string>();
  model.graph.nodes.forEach(({ outputs: [first] }, i) => {
    if (first && !edges.has(first)) names.set(first, labelOf(i));
  });
  const copy = cloneModel({ ...model, graph: renameGraph(model.graph, names) });
  copy.graph.nodes.forEach((node, i) => (node.name = labelOf(i)));
  return copy;
}

/** Milliseconds of each node of a labelled model, by its place; `rest` is what moves and converts values between them. */
export interface NodeTimes {
  readonly of: ReadonlyMap<number, number>;
  readonly rest: readonly KernelTime[];
}

/**
 * Kernels as nodes. A node with weights that has no kernel was fused into what reads its output, an addition most often, whose kernel is
 * then its own.
 */
export function timesOfNodes(kernels: readonly KernelTime[], model: Model, weighted: readonly Node[]): NodeTimes {
  const times = new Map<number, number>();
  const rest: KernelTime[] = [];
  const index = new GraphIndex(model.graph);
  // What makes an output of the model may be called after that, which keeps its name.
  const makers = [...index.outputs].map((name) => [name, index.producers.get(name)] as const);
  const placeIn = (name: string): number | undefined => {
    const label = LABEL.exec(name)?.[1];
    if (label !== undefined) return Number(label);
    const maker = makers.find(([output]) => name.startsWith(output))?.[1];
    return maker && placeOf(maker);
  };
  for (const kernel of kernels) {
    const place = placeIn(kernel.name);
    if (place === undefined || /Reorder|Transpose|QuantizeLinear/.test(kernel.op)) rest.push(kernel);
    else times.set(place, (times.get(place) ?? 0) + kernel.milliseconds);
  }
  const own = new Set(weighted.map(placeOf));
  for (const start of weighted) {
    const at = placeOf(start);
    for (let node = start; !times.has(at);) {
      const reader = index.soleReader(node.outputs[0] as string);
      if (reader === null || own.has(placeOf(reader))) break;
      const place = placeOf(reader);
      const found = times.get(place);
      if (found !== undefined) {
        times.set(at, found);
        times.delete(place);
      }
      node = reader;
    }
  }
  return { of: times, rest };
}
