/**
 * Which constants of a model are parameters, and how they lie in one flat vector. A run pays 5 to 7 microseconds for each
 * input and output, so parameters, optimiser slots and running statistics travel as one tensor each.
 */
import { elementCount, type Graph } from '@verge/onnx';
import { classify } from './candidates.js';
import { floatsOf, parametersOfLayers, type ParameterRole } from './roles.js';
import type { Shape } from './tape.js';

export { floatsOf, qualified, roleAt, type ParameterRole } from './roles.js';

export interface Parameter {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: Shape;
  /** First element in the flat vector. */
  readonly offset: number;
  readonly size: number;
}

export interface Layout {
  readonly entries: readonly Parameter[];
  /** Elements of the whole vector. */
  readonly size: number;
}

/**
 * Trainable constants by name: those of layers (`parametersOfLayers`), then what else moves by default (`classify`: class
 * tokens, positions, layer scales, normalisation in parts). Bounds, masks, tables and factors of the input are left alone.
 * @param also constants that move though they are left alone otherwise
 */
export function findParameters(
  graph: Graph,
  also: (name: string) => boolean = () => false,
): Map<string, ParameterRole> {
  const found = parametersOfLayers(graph);
  for (const [name, { role, possible, why }] of classify(graph, found))
    if (possible && (why === '' || also(name))) found.set(name, role);
  return found;
}

/** Running statistics of BatchNormalization (its inputs 3 and 4) in node order. */
export function findStatistics(graph: Graph): string[] {
  const names = graph.nodes
    .filter((n) => n.domain === '' && n.op === 'BatchNormalization')
    .flatMap((n) => n.inputs.slice(3, 5));
  return [...new Set(names)];
}

/** Packs the named constants one behind the other. */
export function layoutOf(graph: Graph, names: ReadonlyMap<string, ParameterRole>): Layout {
  let offset = 0;
  const entries = [...names].map(([name, role]) => {
    const shape = graph.initializers.get(name)!.value.dims;
    const entry = { name, role, shape, offset, size: elementCount(shape) };
    offset += entry.size;
    return entry;
  });
  return { entries, size: offset };
}

/** The flat vector of a model's own values. */
export function packFrom(graph: Graph, layout: Layout): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const entry of layout.entries) flat.set(floatsOf(graph.initializers.get(entry.name))!, entry.offset);
  return flat;
}

/** Splits a flat vector by name, without copying. */
export function unpack(layout: Layout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(layout.entries.map((e) => [e.name, flat.subarray(e.offset, e.offset + e.size)]));
}
