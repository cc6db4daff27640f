import { float32, int64, type Node, type Tensor } from '@verge/onnx';
import type { Match, Rule } from './rule.js';

interface ConstantNode extends Match {
  nodes: readonly [Node];
  value: Tensor | null;
}

/** Constant-13: exactly one of value, value_float(s), value_int(s). */
function valueOf(node: Node): Tensor | null {
  const attribute = [...node.attributes.values()][0];
  switch (attribute?.kind) {
    case 'tensor':
      return 'data' in attribute.value.value ? attribute.value.value : null;
    case 'float':
      return float32([], [attribute.value]);
    case 'floats':
      return float32([attribute.value.length], attribute.value);
    case 'int':
      return int64([], [attribute.value]);
    case 'ints':
      return int64([attribute.value.length], attribute.value);
    default:
      return null;
  }
}

/** Constant nodes become initializers, so that every other rule sees one kind of constant. */
export const liftConstants: Rule<ConstantNode> = {
  name: 'lift-constants',
  pattern(node) {
    return node.domain === '' && node.op === 'Constant' ? { nodes: [node], value: valueOf(node) } : null;
  },
  check({ nodes: [node], value }, index) {
    if (!value) return 'its value is no dense tensor of the model';
    return index.outputs.has(node.outputs[0] as string) ? 'an output of the model comes straight from it' : null;
  },
  rewrite({ nodes: [node], value }, _index, model) {
    const name = node.outputs[0] as string;
    model.graph.nodes.splice(model.graph.nodes.indexOf(node), 1);
    model.graph.initializers.set(name, { name, value: value as Tensor });
  },
};
