/** Operators that a lower version does not have, written from those that it has. */
import { attrFloat, attrInt, attrString, float, ints } from '../attributes.js';
import type { Node } from '../ir.js';
import { Inexpressible, nodeOf, trimmed, type Scope } from './scope.js';
import type { Adapter, Step } from './step.js';

/** Writes nodes one after the other; the last one gets the output. */
class Parts {
  readonly nodes: Node[] = [];
  readonly #out: string;

  constructor(
    private readonly scope: Scope,
    node: Node,
  ) {
    this.#out = node.outputs[0]!;
  }

  add(op: string, inputs: readonly string[], attributes: Parameters<typeof nodeOf>[4] = {}): string {
    const name = this.scope.fresh(`${this.#out}.${op.toLowerCase()}`);
    this.nodes.push(nodeOf(this.scope, op, inputs, [name], attributes));
    this.scope.like(name, inputs[0]);
    return name;
  }

  last(op: string, inputs: readonly string[], attributes: Parameters<typeof nodeOf>[4] = {}): Node[] {
    return [...this.nodes, nodeOf(this.scope, op, inputs, [this.#out], attributes)];
  }
}

function normalised(node: Node, scope: Scope): { axes: number[]; x: string } {
  if (trimmed(node.outputs).length > 1) throw new Inexpressible('more than its first output is used');
  if (attrInt(node, 'stash_type', 1) !== 1) throw new Inexpressible('stash_type is not 1');
  if (scope.dtype(node.inputs[0]) !== 'float32') throw new Inexpressible('it is not of float32');
  const axis = attrInt(node, 'axis', -1);
  const rank = axis === -1 ? 1 : scope.needRank(node.inputs[0]);
  const first = axis < 0 ? axis : axis - rank;
  return { axes: Array.from({ length: -first }, (_, i) => first + i), x: node.inputs[0]! };
}

/** Mean of the axes: at 17 and before they are an attribute, later an input. */
const meanOver = (scope: Scope, axes: readonly number[], asInput: boolean) => {
  const list = asInput ? scope.integers(axes, 'axes') : null;
  return (x: string, parts: Parts): string =>
    list ? parts.add('ReduceMean', [x, list]) : parts.add('ReduceMean', [x], { axes: ints(axes) });
};

const layerNormalization: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const { axes, x } = normalised(node, scope);
  const mean = meanOver(scope, axes, false);
  const epsilon = scope.numberLike(x, attrFloat(node, 'epsilon', 1e-5), `${node.outputs[0]!}.epsilon`);
  const off = parts.add('Sub', [x, mean(x, parts)]);
  const deviation = parts.add('Sqrt', [parts.add('Add', [mean(parts.add('Mul', [off, off]), parts), epsilon])]);
  const normal = parts.add('Div', [off, deviation]);
  if (!node.inputs[2]) return parts.last('Mul', [normal, node.inputs[1]!]);
  return parts.last('Add', [parts.add('Mul', [normal, node.inputs[1]!]), node.inputs[2]]);
};

const rmsNormalization: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const { axes, x } = normalised(node, scope);
  const epsilon = scope.numberLike(x, attrFloat(node, 'epsilon', 1e-5), `${node.outputs[0]!}.epsilon`);
  const square = meanOver(scope, axes, true)(parts.add('Mul', [x, x]), parts);
  const normal = parts.add('Div', [x, parts.add('Sqrt', [parts.add('Add', [square, epsilon])])]);
  return parts.last('Mul', [normal, node.inputs[1]!]);
};

/** 0.5 x (1 + erf(x / sqrt 2)), or its approximation by tanh. */
const gelu: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const x = node.inputs[0]!;
  const number = (value: number): string => scope.numberLike(x, value, `${node.outputs[0]!}.number`);
  const half = parts.add('Mul', [x, number(0.5)]);
  if (attrString(node, 'approximate', 'none') === 'none') {
    const erf = parts.add('Erf', [parts.add('Mul', [x, number(Math.SQRT1_2)])]);
    return parts.last('Mul', [half, parts.add('Add', [erf, number(1)])]);
  }
  const cube = parts.add('Mul', [parts.add('Mul', [x, x]), x]);
  const inner = parts.add('Add', [x, parts.add('Mul', [cube, number(0.044715)])]);
  const tanh = parts.add('Tanh', [parts.add('Mul', [inner, number(Math.sqrt(2 / Math.PI))])]);
  return parts.last('Mul', [half, parts.add('Add', [tanh, number(1)])]);
};

const hardSwish: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const gate = parts.add('HardSigmoid', [node.inputs[0]!], { alpha: float(1 / 6), beta: float(0.5) });
  return parts.last('Mul', [node.inputs[0]!, gate]);
};

const mish: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  return parts.last('Mul', [node.inputs[0]!, parts.add('Tanh', [parts.add('Softplus', [node.inputs[0]!])])]);
};

const swish: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const [x] = node.inputs as [string];
  const alpha = attrFloat(node, 'alpha', 1);
  const scaled = alpha === 1 ? x : parts.add('Mul', [x, scope.numberLike(x, alpha, `${node.outputs[0]!}.alpha`)]);
  return parts.last('Mul', [x, parts.add('Sigmoid', [scaled])]);
};

/** max(0, x) + min(0, alpha (exp(x / alpha) - 1)): Elu of x / alpha, scaled. */
const celu: Adapter = (node, scope) => {
  const parts = new Parts(scope, node);
  const [x] = node.inputs as [string];
  const value = attrFloat(node, 'alpha', 1);
  if (!(value > 0)) throw new Inexpressible(`alpha is ${value}`);
  const alpha = scope.numberLike(x, value, `${node.outputs[0]!}.alpha`);
  return parts.last('Mul', [parts.add('Elu', [parts.add('Div', [x, alpha])]), alpha]);
};

/** NaN is neither greater nor equal. */
const orEqual =
  (op: string): Adapter =>
  (node, scope) => {
    const parts = new Parts(scope, node);
    return parts.last('Or', [parts.add(op, node.inputs), parts.add('Equal', node.inputs)]);
  };

export const partSteps: Readonly<Record<string, readonly Step[]>> = {
  LayerNormalization: [{ at: 17, down: layerNormalization }],
  RMSNormalization: [{ at: 23, down: rmsNormalization }],
  Gelu: [{ at: 20, down: gelu }],
  HardSwish: [{ at: 14, down: hardSwish }],
  Mish: [{ at: 18, down: mish }],
  Swish: [{ at: 24, down: swish }],
  Celu: [{ at: 12, down: celu }],
  GreaterOrEqual: [{ at: 12, down: orEqual('Greater') }],
  LessOrEqual: [{ at: 12, down: orEqual('Less') }],
};
