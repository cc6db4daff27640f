/**
 * Products that ONNX Runtime's optimiser fused with what stood around them (domain com.microsoft, docs/ContribOperators.md),
 * as the operators that it made them of.
 */
import { attrFloat, attrFloats, attrInt, attrString, float, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Composite } from './row.js';

/** What an activation reads: by position in FusedConv's `activation_params`, by name in FusedGemm. */
interface Numbers {
  at(index: number, name: string, fallback: number): number;
}

type Activation = (t: Tape, x: string, numbers: Numbers) => string;

const plain =
  (op: string): Activation =>
  (t, x) =>
    t.unary(op, x);

const withAlpha =
  (op: string, fallback: number): Activation =>
  (t, x, numbers) =>
    t.emit(op, [x], t.shape(x), { alpha: float(numbers.at(0, 'alpha', fallback)) });

/** Activations by the names that fused operators have for them; defaults are those of the operators. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  Relu: plain('Relu'),
  Sigmoid: plain('Sigmoid'),
  Softplus: plain('Softplus'),
  Softsign: plain('Softsign'),
  Tanh: plain('Tanh'),
  Elu: withAlpha('Elu', 1),
  LeakyRelu: withAlpha('LeakyRelu', 0.01),
  ThresholdedRelu: withAlpha('ThresholdedRelu', 1),
  Clip: (t, x, numbers) =>
    t.emit(
      'Clip',
      [
        x,
        t.scalar(numbers.at(0, 'min', -3.4028234663852886e38)),
        t.scalar(numbers.at(1, 'max', 3.4028234663852886e38)),
      ],
      t.shape(x),
    ),
  HardSigmoid: (t, x, numbers) =>
    t.emit('HardSigmoid', [x], t.shape(x), {
      alpha: float(numbers.at(0, 'alpha', 0.2)),
      beta: float(numbers.at(1, 'beta', 0.5)),
    }),
};

const activationOf = (node: Node): string => attrString(node, 'activation', '');

const unknownActivation = (node: Node): string | undefined => {
  const name = activationOf(node);
  return name === '' || Object.hasOwn(ACTIVATIONS, name) ? undefined : `the activation ${name}`;
};

const activate = (t: Tape, x: string, name: string, numbers: Numbers): string =>
  name === '' ? x : ACTIVATIONS[name]!(t, x, numbers);

/** A node of the default domain in place of a fused one, with the attributes that it knows. */
function inside(t: Tape, op: string, inputs: readonly string[], node: Node, names: readonly string[]): string {
  const y = t.declare(t.fresh(op.toLowerCase()), t.shape(node.outputs[0]!));
  t.node(op, inputs, [y], Object.fromEntries([...node.attributes].filter(([name]) => names.includes(name))));
  return y;
}

export const publish = (t: Tape, value: string, name: string | undefined): void => {
  if (name) t.node('Identity', [value], [t.declare(name, t.shape(value), t.types.get(value))]);
};

/** Input `index` of a node, undefined where it is left out. */
export const given = (node: Node, index: number): string | undefined => node.inputs[index] || undefined;

const CONV = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'];

/** FusedConv: activation(Conv(X, W, B) + Z). */
export const fusedConv: Composite = {
  unsupported: unknownActivation,
  decompose(t, node) {
    const [x, w, b, z] = [node.inputs[0]!, node.inputs[1]!, given(node, 2), given(node, 3)];
    const made = inside(t, 'Conv', b ? [x, w, b] : [x, w], node, CONV);
    const sum = z ? t.add(made, z) : made;
    const values = attrFloats(node, 'activation_params', []);
    const y = activate(t, sum, activationOf(node), { at: (i, _name, fallback) => values[i] ?? fallback });
    publish(t, y, node.outputs[0]);
  },
};

/** FusedGemm: activation(Gemm(A, B, C)), whose numbers are attributes `activation_alpha` and the like. */
export const fusedGemm: Composite = {
  unsupported: unknownActivation,
  decompose(t, node) {
    const made = inside(t, 'Gemm', node.inputs, node, ['alpha', 'beta', 'transA', 'transB']);
    const at: Numbers['at'] = (_i, name, fallback) => attrFloat(node, `activation_${name}`, fallback);
    publish(t, activate(t, made, activationOf(node), { at }), node.outputs[0]);
  },
};

/**
 * A factor of FusedMatMul: `transBatch` moves the first axis behind those that come before the last one, `trans` swaps the last
 * two. A vector stays as it is.
 */
function factor(t: Tape, node: Node, index: number, side: 'A' | 'B'): string {
  const x = node.inputs[index]!;
  const rank = t.shape(x).length;
  if (rank < 2) return x;
  let order = Array.from({ length: rank }, (_, i) => i);
  if (attrInt(node, `transBatch${side}`, 0) === 1) order = [...order.slice(1, -1), 0, rank - 1];
  if (attrInt(node, `trans${side}`, 0) === 1) order = [...order.slice(0, -2), order.at(-1)!, order.at(-2)!];
  return t.transpose(x, order);
}

/** FusedMatMul and TransposeMatMul: alpha * A' B'. */
export const fusedMatMul: Composite = {
  decompose(t, node) {
    const y = t.declare(t.fresh('matmul'), t.shape(node.outputs[0]!));
    t.node('MatMul', [factor(t, node, 0, 'A'), factor(t, node, 1, 'B')], [y]);
    publish(t, t.scale(y, attrFloat(node, 'alpha', 1)), node.outputs[0]);
  },
};
