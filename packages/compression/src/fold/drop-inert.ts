import type { Node } from '@verge/onnx';
import type { Match, Rule } from './rule.js';

interface Inert extends Match {
  nodes: readonly [Node];
}

/** Identity, and Dropout in inference: they do nothing, and stand between layers that fuse. */
export const dropInert: Rule<Inert> = {
  name: 'drop-inert',
  pattern(node) {
    return node.domain === '' && (node.op === 'Identity' || node.op === 'Dropout') ? { nodes: [node] } : null;
  },
  check({ nodes: [node] }, index) {
    const [data, output] = [node.inputs[0] as string, node.outputs[0] as string];
    if (node.outputs.slice(1).some((o) => o !== '' && (index.readers(o).length > 0 || index.outputs.has(o))))
      return 'its mask is read';
    const training = node.inputs[2];
    const mode = training ? index.constant(training) : null;
    if (training && !(mode?.dtype === 'bool' && mode.data[0] === 0)) return 'it is in training mode';
    if (!index.outputs.has(output)) return null;
    // The name of an output must stay: then what computes the input takes it over, if nobody else reads that.
    const producer = index.producers.get(data);
    if (!producer || index.soleReader(data) !== node) return 'an output of the model comes straight from it';
    return null;
  },
  rewrite({ nodes: [node] }, index, model) {
    const [data, output] = [node.inputs[0] as string, node.outputs[0] as string];
    const { graph } = model;
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    if (index.outputs.has(output)) {
      const producer = index.producers.get(data) as Node;
      producer.outputs = producer.outputs.map((o) => (o === data ? output : o));
      return;
    }
    graph.values.delete(output);
    for (const reader of graph.nodes) reader.inputs = reader.inputs.map((i) => (i === output ? data : i));
  },
};
