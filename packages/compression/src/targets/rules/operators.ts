/** Rules about which operators there are kernels for. */
import { nodeName } from '../../graph/index-of-values.js';
import type { Consequence, Rule } from '../target.js';

/** @param known names of operators of the standard domain, or `domain:Name` */
export const operators = (known: readonly string[], consequence: Consequence, source: string): Rule => {
  const set = new Set(known);
  return {
    name: 'operators',
    consequence,
    requires: `nodes are among the ${set.size} operators that it has kernels for`,
    source,
    check: (facts) =>
      facts.nodes.flatMap((node) => {
        const name = node.domain === '' || node.domain === 'ai.onnx' ? node.op : `${node.domain}:${node.op}`;
        return set.has(name) ? [] : [{ node: nodeName(node), reason: `there is no kernel for ${name}` }];
      }),
  };
};

/** Of the executor's own operators and other programs' none: those of ONNX alone, without some. */
export const standardOperators = (missing: readonly string[], consequence: Consequence, source: string): Rule => {
  const set = new Set(missing);
  return {
    name: 'standard-operators',
    consequence,
    requires: `nodes are of ONNX's own operators, and none is ${missing.join(', ')}`,
    source,
    check: (facts) =>
      facts.nodes.flatMap((node) => {
        const own = node.domain === '' || node.domain === 'ai.onnx';
        if (own && !set.has(node.op)) return [];
        const name = own ? node.op : `${node.domain}:${node.op}`;
        return [{ node: nodeName(node), reason: `it does not know ${name}` }];
      }),
  };
};

/** Weights of layers are constants of the file. */
export const constantWeights = (consequence: Consequence, source: string): Rule => ({
  name: 'constant-weights',
  consequence,
  requires: 'weights of convolutions and dense layers are constants',
  source,
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      if (!['Conv', 'ConvTranspose', 'Gemm'].includes(node.op)) return [];
      const weight = node.inputs[1];
      const from = weight === undefined ? undefined : facts.index.producers.get(weight);
      const stored = from?.op === 'DequantizeLinear' ? from.inputs[0] : weight;
      return facts.constant(stored) ? [] : [{ node: nodeName(node), reason: 'its weight is computed' }];
    }),
});
