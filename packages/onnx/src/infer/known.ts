/** Leaving out what a file cannot say: a type whose element type is not known. */
import type { Graph, ValueInfo, ValueType } from '../ir.js';

/** Whether a type says its element type, at every level. */
export function isKnown(type: ValueType | null): boolean {
  switch (type?.kind) {
    case undefined:
    case 'unspecified':
      return false;
    case 'tensor':
    case 'sparse':
      return type.dtype !== null;
    case 'sequence':
    case 'optional':
      return isKnown(type.element);
    case 'map':
      return isKnown(type.value);
    case 'opaque':
      return true;
  }
}

/** The graph without types that lack an element type, which executors refuse to load: such a value is not declared at all. */
export function withKnownTypes(graph: Graph): Graph {
  const outputs = graph.outputs.map((info): ValueInfo => (isKnown(info.type) ? info : { ...info, type: null }));
  return { ...graph, outputs, values: new Map([...graph.values].filter(([, { type }]) => isKnown(type))) };
}
