/**
 * Operators that compute on quantised numbers (QLinearConv and its like: ONNX operators, and ONNX Runtime's docs/ContribOperators.md)
 * as a DequantizeLinear on each operand, the operator on floats, and a QuantizeLinear behind it. The executor's kernels differ from
 * that by at most one level of the result.
 */
import {
  attrFloat,
  attrInt,
  collectNames,
  elementCount,
  float32,
  int,
  isDefaultDomain,
  type Attribute,
  type Graph,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import type { MadeScales } from './stored-types.js';

/** A value with the inputs that say its scale and zero point; the latter is '' where it is 0. */
interface Level {
  readonly value: string;
  readonly scale: string;
  readonly zero: string;
  /** Of a scale with an element for each index of it. */
  readonly axis?: number;
}

/** What a node is in floats. */
interface Plain {
  readonly op: string;
  readonly operands: readonly Level[];
  /** Added as 32-bit numbers of the scale of the product of operands 0 and 1. */
  readonly bias?: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Absent where the result is float32. */
  readonly result?: { readonly scale: string; readonly zero: string };
}

const at = (node: Node, i: number): string => node.inputs[i] ?? '';

/** An operand of a node: the value at `i`, its scale and zero point behind it. */
const operand = (node: Node, i: number, axis?: number): Level => ({
  value: at(node, i),
  scale: at(node, i + 1),
  zero: at(node, i + 2),
  axis,
});

const resultAt = (node: Node, i: number): Plain['result'] =>
  at(node, i) === '' ? undefined : { scale: at(node, i), zero: at(node, i + 1) };

const without = (node: Node, ...names: string[]): Map<string, Attribute> =>
  new Map([...node.attributes].filter(([name]) => !names.includes(name)));

type Reading = (node: Node) => Plain | undefined;

const pair =
  (op: string): Reading =>
  (node) => ({ op, operands: [operand(node, 0), operand(node, 3)], attributes: new Map(), result: resultAt(node, 6) });

/** One operand; what lies with its channels last is left as it is. */
const single =
  (op: string, ...dropped: string[]): Reading =>
  (node) =>
    attrInt(node, 'channels_last', 0) === 1
      ? undefined
      : {
          op,
          operands: [operand(node, 0)],
          attributes: without(node, 'channels_last', ...dropped),
          result: resultAt(node, 3),
        };

const READINGS: Readonly<Record<string, Reading>> = {
  QLinearConv: (node) => ({
    op: 'Conv',
    operands: [operand(node, 0), operand(node, 3, 0)],
    bias: at(node, 8),
    attributes: node.attributes,
    result: resultAt(node, 6),
  }),
  QLinearMatMul: (node) => ({
    op: 'MatMul',
    operands: [operand(node, 0), operand(node, 3, 1)],
    attributes: new Map(),
    result: resultAt(node, 6),
  }),
  'com.microsoft.QGemm': (node) =>
    attrFloat(node, 'alpha', 1) === 1
      ? {
          op: 'Gemm',
          operands: [operand(node, 0), operand(node, 3, attrInt(node, 'transB', 0) === 1 ? 0 : 1)],
          bias: at(node, 6),
          attributes: node.attributes,
          result: resultAt(node, 7),
        }
      : undefined,
  'com.microsoft.QLinearAdd': pair('Add'),
  'com.microsoft.QLinearMul': pair('Mul'),
  'com.microsoft.QLinearSigmoid': single('Sigmoid'),
  'com.microsoft.QLinearLeakyRelu': single('LeakyRelu'),
  'com.microsoft.QLinearAveragePool': single('AveragePool'),
  'com.microsoft.QLinearGlobalAveragePool': single('GlobalAveragePool'),
  'com.microsoft.QLinearConcat': (node) => ({
    op: 'Concat',
    operands: Array.from({ length: Math.floor((node.inputs.length - 2) / 3) }, (_, i) => operand(node, 2 + 3 * i)),
    attributes: node.attributes,
    result: resultAt(node, 0),
  }),
};

type Floats = Tensor & { dtype: 'float32' };

function floatsIn(constants: Graph['initializers'], name: string): Floats | undefined {
  const value = constants.get(name)?.value;
  return value && 'data' in value && value.dtype === 'float32' ? (value as Floats) : undefined;
}

/** The scale of a bias: that of the input, which is one number, times that of the weight. */
const productOf =
  (x: string, w: string) =>
  (constants: Graph['initializers']): Tensor | undefined => {
    const [a, b] = [floatsIn(constants, x), floatsIn(constants, w)];
    if (!a || !b || elementCount(a.dims) !== 1) return undefined;
    return float32(
      b.dims,
      b.data.map((s) => s * a.data[0]!),
    );
  };

const qualifiedName = ({ domain, op }: Node): string => (isDefaultDomain(domain) ? op : `${domain}.${op}`);

export interface Expanded {
  readonly model: Model;
  /** Scales of biases, which no file holds, from the constants of the file. */
  readonly scales: MadeScales;
}

/** Each such operator in floats; the very model where there is none. */
export function expandQuantised(model: Model): Expanded {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const taken = collectNames(graph);
  const fresh = (stem: string): string => {
    let name = stem;
    while (taken.has(name)) name += '_';
    taken.add(name);
    return name;
  };
  const made = new Map<string, (constants: Graph['initializers']) => Tensor | undefined>();
  const numbers = (name: string): Floats | undefined => floatsIn(initializers, name);
  const node = (
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: ReadonlyMap<string, Attribute>,
  ): Node => ({
    ...{ op, domain: '', name: output, attributes: new Map(attributes) },
    inputs: inputs.at(-1) === '' ? inputs.slice(0, -1) : [...inputs],
    outputs: [output],
  });
  const dequantise = ({ value, scale, zero, axis }: Level): Node => {
    const wide = axis !== undefined && elementCount(numbers(scale)?.dims ?? []) > 1;
    const attributes = new Map(wide ? [['axis', int(axis)] as const] : []);
    return node('DequantizeLinear', [value, scale, zero], fresh(`${value}.floats`), attributes);
  };
  /** Scales of values that were quantised, for what hands them on. */
  const levels = new Map<string, Pick<Level, 'scale' | 'zero'>>();

  const expanded = (given: Node): Node[] => {
    const known = levels.get(given.inputs[0]!);
    // The largest of numbers is that of their levels.
    if (known && given.op === 'MaxPool' && !given.outputs[1]) {
      const before = dequantise({ value: given.inputs[0]!, ...known });
      return around(given, 'MaxPool', [before], given.attributes, known);
    }
    const plain = READINGS[qualifiedName(given)]?.(given);
    if (!plain) return [given];
    const before = plain.operands.map(dequantise);
    if (plain.bias) {
      const [x, w] = plain.operands.map(({ scale }) => scale) as [string, string];
      const value = productOf(x, w)(initializers);
      if (!value) return [given];
      const scale = fresh(`${plain.bias}.scale`);
      initializers.set(scale, { name: scale, value });
      made.set(scale, productOf(x, w));
      before.push(dequantise({ value: plain.bias, scale, zero: '', axis: 0 }));
    }
    return around(given, plain.op, before, plain.attributes, plain.result);
  };
  const around = (
    given: Node,
    op: string,
    before: readonly Node[],
    attributes: ReadonlyMap<string, Attribute>,
    result: Plain['result'],
  ): Node[] => {
    const y = given.outputs[0]!;
    const floats = result ? fresh(`${y}.floats`) : y;
    const parts = [
      ...before,
      node(
        op,
        before.map((n) => n.outputs[0]!),
        floats,
        attributes,
      ),
    ];
    return result ? [...parts, node('QuantizeLinear', [floats, result.scale, result.zero], y, new Map())] : parts;
  };

  const nodes = graph.nodes.flatMap((given) => {
    const parts = expanded(given);
    for (const { op, inputs, outputs } of parts)
      if (op === 'QuantizeLinear') levels.set(outputs[0]!, { scale: inputs[1]!, zero: inputs[2] ?? '' });
    return parts;
  });
  if (nodes.length === graph.nodes.length) return { model, scales: made };
  return { model: { ...model, graph: { ...graph, nodes, initializers, values: new Map() } }, scales: made };
}
