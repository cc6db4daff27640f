/** Rules about how a model is quantised. A model without QuantizeLinear breaks none of the form's rules. */
import type { Node } from '@verge/onnx';
import { nodeName } from '../../graph/index-of-values.js';
import { DEQUANTIZE, isPair, type ModelFacts, QUANTIZE } from '../facts.js';
import type { Consequence, Rule } from '../target.js';

const numbers = (facts: ModelFacts, value: string | undefined): number[] | null => {
  const tensor = facts.constant(value);
  return tensor && 'data' in tensor && tensor.dtype !== 'string'
    ? Array.from(tensor.data as Iterable<number>, Number)
    : null;
};

/** A DequantizeLinear of an int32 constant: a bias, whose scale follows from others. */
const isBias = (facts: ModelFacts, node: Node): boolean =>
  node.op === DEQUANTIZE && facts.constant(node.inputs[0])?.dtype === 'int32';

function ofPairs(facts: ModelFacts, fault: (node: Node) => string | null): { node: string; reason: string }[] {
  return facts.nodes.flatMap((node) => {
    const reason = isPair(node) && !isBias(facts, node) ? fault(node) : null;
    return reason === null ? [] : [{ node: nodeName(node), reason }];
  });
}

/** The element type on the integer side of a pair; without a zero point QuantizeLinear makes uint8 (ONNX, QuantizeLinear). */
function integerType(facts: ModelFacts, node: Node): string | null {
  if (node.op === DEQUANTIZE) return facts.dtype(node.inputs[0]);
  return facts.dtype(node.outputs[0]);
}

/** Signed integers around 0. */
export const symmetric = (consequence: Consequence, source: string): Rule => ({
  name: 'symmetric-int8',
  consequence,
  requires: 'activations and weights are int8 with zero point 0',
  source,
  check: (facts) =>
    ofPairs(facts, (node) => {
      const type = integerType(facts, node);
      if (type !== null && type !== 'int8') return `its integers are ${type}`;
      const zero = node.inputs[2];
      if (!zero) return null;
      const values = numbers(facts, zero);
      if (!values) return 'its zero point is computed';
      return values.some((v) => v !== 0) ? `its zero point is ${values.find((v) => v !== 0)}` : null;
    }),
});

/** One scale for each tensor. */
export const perTensor = (consequence: Consequence, source: string): Rule => ({
  name: 'per-tensor',
  consequence,
  requires: 'every tensor has one scale',
  source,
  check: (facts) =>
    ofPairs(facts, (node) => {
      const scales = numbers(facts, node.inputs[1])?.length;
      return scales !== undefined && scales > 1 ? `it has ${scales} scales, one for each channel` : null;
    }),
});

/** Scales that shifts can carry out. */
export const powerOfTwoScales = (consequence: Consequence, source: string): Rule => ({
  name: 'power-of-two-scales',
  consequence,
  requires: 'every scale is a power of two',
  source,
  check: (facts) =>
    ofPairs(facts, (node) => {
      const scales = numbers(facts, node.inputs[1]);
      if (!scales) return 'its scale is computed';
      const other = scales.find((s) => s !== 2 ** Math.round(Math.log2(s)));
      return other === undefined ? null : `its scale is ${other}`;
    }),
});

/** The type of activations whose kernels are fused. */
export const activationType = (type: 'uint8' | 'int8', source: string): Rule => ({
  name: 'activation-type',
  consequence: 'slower',
  requires: `activations are ${type}`,
  source,
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      const made = node.op === QUANTIZE ? integerType(facts, node) : null;
      return (made === 'uint8' || made === 'int8') && made !== type
        ? [{ node: nodeName(node), reason: `it makes ${made}` }]
        : [];
    }),
});

const FLOATS = new Set(['float32', 'float16', 'bfloat16', 'float64']);

/** Nothing is computed in floats between the model's inputs and outputs. */
export const fullInteger = (consequence: Consequence, source: string): Rule => ({
  name: 'full-integer',
  consequence,
  requires: 'every node reads and gives 8-bit integers, through QuantizeLinear and DequantizeLinear',
  source,
  check: (facts) => {
    const { index } = facts;
    const isFloat = (value: string): boolean => FLOATS.has(facts.dtype(value) ?? '');
    const fromPair = (value: string): boolean =>
      value === '' || index.producers.get(value)?.op === DEQUANTIZE || !isFloat(value);
    const intoPair = (value: string): boolean =>
      !isFloat(value) || (!index.outputs.has(value) && index.readers(value).every((reader) => reader.op === QUANTIZE));
    return facts.nodes.flatMap((node) => {
      if (isPair(node)) return [];
      const bare = node.inputs.find((value) => !fromPair(value));
      if (bare !== undefined) return [{ node: nodeName(node), reason: `it reads '${bare}' as floats` }];
      const open = node.outputs.find((value) => value !== '' && !intoPair(value));
      return open === undefined ? [] : [{ node: nodeName(node), reason: `it gives '${open}' as floats` }];
    });
  },
});

/** Convolutions that ask for ranges anew at each run: ONNX Runtime does not fuse them. */
export const noDynamicConvolution = (source: string): Rule => ({
  name: 'no-dynamic-convolution',
  consequence: 'slower',
  requires: 'convolutions are quantised statically',
  source,
  check: (facts) =>
    facts.nodes
      .filter((node) => node.op === 'ConvInteger')
      .map((node) => ({
        node: nodeName(node),
        reason: 'it finds ranges at each run, and is not fused with what follows',
      })),
});
