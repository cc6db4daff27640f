/** Forward graphs under other names, so that several stand on one tape. */
import type { StoredTensor } from '@verge/onnx';
import type { Forward, StaticType } from './forward.js';

/** The same graph, each value called what `rename` says; omitted inputs and outputs stay so. */
export function renameForward(forward: Forward, rename: (value: string) => string): Forward {
  const name = (value: string): string => (value === '' ? '' : rename(value));
  const { graph } = forward;
  const initializers = [...graph.initializers].map(([key, stored]): [string, StoredTensor] => [
    name(key),
    { ...stored, name: name(key) },
  ]);
  const types = [...forward.types].map(([key, type]): [string, StaticType] => [name(key), type]);
  return {
    graph: {
      ...graph,
      inputs: graph.inputs.map((i) => ({ ...i, name: name(i.name) })),
      outputs: graph.outputs.map((o) => ({ ...o, name: name(o.name) })),
      nodes: graph.nodes.map((n) => ({
        ...n,
        name: n.name === '' ? '' : name(n.name),
        inputs: n.inputs.map(name),
        outputs: n.outputs.map(name),
      })),
      initializers: new Map(initializers),
      values: new Map(),
    },
    inputs: forward.inputs.map(name),
    output: name(forward.output),
    types: new Map(types),
  };
}
