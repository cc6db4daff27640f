/** QuantizeLinear and DequantizeLinear: scales and zero points, one for all or one a channel. */
import { attrInt } from '@verge/onnx';
import { called, wrap, type Rule } from '../walk.js';
import { opaque } from './elementwise.js';

const quantised: Rule = (node, walk) => {
  const [x, ...parameters] = node.inputs as [string, ...string[]];
  if (attrInt(node, 'block_size', 0) > 0) return opaque(node, walk, node.inputs, `${called(node)} works in blocks`);
  const rank = walk.value(x).dims.length;
  const axis = wrap(attrInt(node, 'axis', 1), rank);
  const perChannel = parameters.some((name) => name !== '' && walk.value(name).dims.length === 1 && walk.value(name).dims[0] !== 1); // prettier-ignore
  if (!perChannel) return walk.set(node.outputs[0] as string, walk.value(x).axes);
  const axes = walk.settled(x, node, (i) => i === axis);
  for (const name of parameters)
    if (name !== '') walk.unite(walk.settled(name, node)[0], axes[axis], `${called(node)} has parameters that stay`);
  walk.set(node.outputs[0] as string, axes);
};

export const quantisedRules: Readonly<Record<string, Rule>> = {
  QuantizeLinear: quantised,
  DequantizeLinear: quantised,
};
