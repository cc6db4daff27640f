/** What the recurrent operators RNN, GRU and LSTM (ONNX 22) have in common: sizes, directions, activations. */
import { attrFloat, attrFloats, attrInt, attrString, attrStrings, float, type Node } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Tape } from '../tape.js';

export type RecurrentOp = 'RNN' | 'GRU' | 'LSTM';

/** Blocks of hidden_size rows in W and R: one; z, r, h; i, o, f, c. */
const gatesOf: Readonly<Record<RecurrentOp, number>> = { RNN: 1, GRU: 3, LSTM: 4 };

/** Default activations f, g, h of one direction. */
const defaults: Readonly<Record<RecurrentOp, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};

/** An activation and its derivative, which is written from the activation's value y and the rest, 1 - y. */
export interface Activation {
  readonly value: (t: Tape, x: string) => string;
  readonly slope: (t: Tape, y: string, rest: () => string) => string;
}

/** The activations that have a gradient here, by ONNX name in lower case. */
const activations: Readonly<Record<string, Activation>> = {
  sigmoid: { value: (t, x) => t.unary('Sigmoid', x), slope: (t, y, rest) => t.mul(y, rest()) },
  tanh: { value: (t, x) => t.unary('Tanh', x), slope: (t, y) => t.sub(t.scalar(1), t.mul(y, y)) },
  relu: { value: (t, x) => t.unary('Relu', x), slope: (t, y) => t.indicator(t.compare('Greater', y, t.scalar(0))) },
  // y = max(0, min(1, x / 5 + 1 / 2)); other slopes and offsets are refused below.
  hardsigmoid: {
    value: (t, x) => t.emit('HardSigmoid', [x], t.shape(x), { alpha: float(0.2), beta: float(0.5) }),
    slope: (t, y) => {
      const inside = t.compare('And', t.compare('Greater', y, t.scalar(0)), t.compare('Less', y, t.scalar(1)));
      return t.scale(t.indicator(inside), 0.2);
    },
  },
};

export interface Recurrent {
  readonly op: RecurrentOp;
  readonly gates: number;
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  /** One entry a direction: whether it walks from the last step to the first. */
  readonly reverse: readonly boolean[];
  /** Activations f, g, h of each direction. */
  readonly activations: readonly (readonly Activation[])[];
  /** Layout 1: the batch stands before the steps in X, Y and the states. */
  readonly batchFirst: boolean;
  /** The arguments of the gates are clipped to [-clip, clip]. */
  readonly clip: number | undefined;
  /** GRU: R and its bias are applied before the reset gate. */
  readonly linearBeforeReset: boolean;
}

const directionsOf: Readonly<Record<string, readonly boolean[]>> = {
  forward: [false],
  reverse: [true],
  bidirectional: [false, true],
};

const reverseOf = (node: Node): readonly boolean[] | undefined =>
  directionsOf[attrString(node, 'direction', 'forward')];

/** Names of the activations of all directions, in lower case. */
function activationNames(node: Node, directions: number): string[] {
  const usual = Array.from({ length: directions }, () => defaults[node.op as RecurrentOp]).flat();
  return attrStrings(node, 'activations', usual).map((n) => n.toLowerCase());
}

/** Whether all directions have the operator's default activations. */
export function hasUsualActivations(node: Node, directions: number): boolean {
  const usual = Array.from({ length: directions }, () => defaults[node.op as RecurrentOp]).flat();
  return activationNames(node, directions).join() === usual.join().toLowerCase();
}

/** Everything about a recurrent node that has no gradient; undefined where there is nothing of the kind. */
export function recurrentObstacle(node: Node): string | undefined {
  const problems: string[] = [];
  const reverse = reverseOf(node);
  if (!reverse) problems.push(`direction '${attrString(node, 'direction')}' is not known`);
  const directions = reverse?.length ?? 1;
  const names = activationNames(node, directions);
  const wanted = directions * defaults[node.op as RecurrentOp].length;
  if (names.length !== wanted) problems.push(`${names.length} activations, expected ${wanted}`);
  const unknown = new Set(names.filter((n) => !Object.hasOwn(activations, n)));
  if (unknown.size > 0) problems.push(`activations ${[...unknown].join(', ')}`);
  const scaled = attrFloats(node, 'activation_alpha', []).length + attrFloats(node, 'activation_beta', []).length;
  if (scaled > 0) problems.push('activations with alpha or beta of their own');
  if (attrInt(node, 'input_forget', 0) !== 0) problems.push('input_forget 1');
  return problems.length === 0 ? undefined : problems.join('; ');
}

/**
 * Reads a recurrent node.
 * @throws TrainingError `no-gradient` naming everything about the node that has no gradient
 */
export function readRecurrent(t: Tape, node: Node): Recurrent {
  const obstacle = recurrentObstacle(node);
  const reverse = reverseOf(node);
  if (obstacle !== undefined || !reverse) {
    const name = node.name || node.outputs.find((o) => o !== '');
    throw new TrainingError('no-gradient', `${node.op} node '${name}' has no gradient: ${obstacle}`);
  }
  const op = node.op as RecurrentOp;
  const names = activationNames(node, reverse.length);
  const width = names.length / reverse.length;
  const batchFirst = attrInt(node, 'layout', 0) === 1;
  const [first, second, features] = t.shape(node.inputs[0]!) as [number, number, number];
  return {
    op,
    gates: gatesOf[op],
    steps: batchFirst ? second : first,
    batch: batchFirst ? first : second,
    features,
    hidden: t.shape(node.inputs[2]!)[2]!,
    reverse,
    activations: reverse.map((_, d) => names.slice(d * width, (d + 1) * width).map((n) => activations[n]!)),
    batchFirst,
    clip: node.attributes.has('clip') ? attrFloat(node, 'clip') : undefined,
    linearBeforeReset: attrInt(node, 'linear_before_reset', 0) !== 0,
  };
}
