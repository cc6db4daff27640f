/**
 * RNN, GRU and LSTM (ONNX 22). Forward is the fused operator itself, which is many times faster than a chain of
 * primitives; `recurrent-lane.ts` says how the gradient gets at the gates that it hides. What an export holds is the
 * operator with the trained W, R and B, so training and inference compute the same.
 */
import { int, ints, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { DirectionGradient, Incoming } from './recurrent-direction.js';
import { gruBackward } from './recurrent-gru.js';
import { laneOf, pick, product, rowsOf, sumOf, type Lane, type LaneGradient, type Part } from './recurrent-lane.js';
import { lstmBackward } from './recurrent-lstm.js';
import { isOpen, openBackward, writeOpen, type OpenSources } from './recurrent-open.js';
import { readRecurrent, recurrentObstacle, type Recurrent, type RecurrentOp } from './recurrent-node.js';
import { rnnBackward } from './recurrent-walk.js';
import type { Applied, Gradient, Row, Saved } from './row.js';

const backward: Readonly<Record<RecurrentOp, (t: Tape, lane: Lane, incoming: Incoming) => LaneGradient>> = {
  RNN: rnnBackward,
  GRU: gruBackward,
  LSTM: lstmBackward,
};

/** Swaps steps and batch: X and the states [.., .., n], Y [steps, directions, batch, n] against [batch, steps, directions, n]. */
const swap = (t: Tape, value: string): string => t.transpose(value, [1, 0, 2]);
const toBatchFirst = [2, 0, 1, 3];
const toStepsFirst = [1, 2, 0, 3];

/** What reads the node's inputs and defines its outputs, steps first. */
function writeStepsFirst(
  t: Tape,
  node: Node,
  of: Recurrent,
  inputs: readonly string[],
  outputs: readonly string[],
): Saved {
  const [x, initialHidden, initialCell] = [inputs[0], inputs[5] || undefined, inputs[6] || undefined];
  if (isOpen(node, of)) {
    const steps = writeOpen(t, of, openSources(node.inputs, { x, initialHidden, initialCell }), outputs);
    return { x, initialHidden, initialCell, ...steps };
  }
  // The hidden states are kept also where nobody reads them.
  const y = outputs[0] || t.fresh('hidden');
  t.declare(y, [of.steps, of.reverse.length, of.batch, of.hidden]);
  const attributes = of.batchFirst ? new Map([...node.attributes, ['layout', int(0)] as const]) : node.attributes;
  t.nodes.push({ ...node, inputs: [...inputs], outputs: [y, ...outputs.slice(1)], attributes });
  return { x, y, initialHidden, initialCell };
}

const openSources = (inputs: readonly string[], { x, initialHidden, initialCell }: Saved): OpenSources => {
  const [, w, r, b] = inputs;
  return { x: x!, w: w!, r: r!, b: b || undefined, initialHidden, initialCell };
};

/** The node with steps first: ONNX Runtime's CPU kernels know layout 0 only, and layout 1 is the same between transpositions. */
function writeForward(t: Tape, node: Node): Saved {
  const of = readRecurrent(t, node);
  if (!of.batchFirst) return writeStepsFirst(t, node, of, node.inputs, [...node.outputs]);
  const inputs = node.inputs.map((name, i) => ([0, 5, 6].includes(i) && name !== '' ? swap(t, name) : name));
  const stems = ['hidden', 'last', 'last'];
  const inner = node.outputs.map((o, i) => (o === '' ? '' : t.fresh(stems[i]!)));
  const saved = writeStepsFirst(t, node, of, inputs, inner);
  node.outputs.forEach((output, i) => {
    if (output !== '') t.node('Transpose', [inner[i]!], [output], { perm: ints(i === 0 ? toBatchFirst : [1, 0, 2]) });
  });
  return saved;
}

interface Pass {
  readonly lane: Lane;
  readonly gradient: LaneGradient;
  /** The product that a part of W or R takes its gradient from. */
  readonly products: (part: Part) => string;
}

/** Gradients that come into each direction, steps first. */
function incomingOf(t: Tape, of: Recurrent, dys: readonly (string | undefined)[]): Incoming[] {
  const [dy, dLast, dLastCell] = dys;
  const y = dy && (of.batchFirst ? t.transpose(dy, toStepsFirst) : dy);
  const [last, lastCell] = [dLast, dLastCell].map((d) => d && (of.batchFirst ? swap(t, d) : d));
  return of.reverse.map((_, d) => ({
    y: y && t.reshape(pick(t, y, 1, d), [of.steps * of.batch, of.hidden]),
    last: last && pick(t, last, 0, d),
    lastCell: lastCell && pick(t, lastCell, 0, d),
  }));
}

/** Runs every direction backwards. */
function directions(t: Tape, of: Recurrent, n: Applied, incoming: readonly Incoming[]): DirectionGradient[] {
  if (isOpen(n.node, of)) {
    const sources = openSources(n.inputs, n.saved);
    return incoming.map((own, d) => openBackward(t, of, sources, n.saved, d, own));
  }
  const { x, y: hidden, initialHidden, initialCell } = n.saved;
  const [, w, r, b, lengths, , , peephole] = n.inputs;
  const sources = {
    x: x!,
    y: hidden!,
    w: w!,
    r: r!,
    b: b || undefined,
    lengths: lengths || undefined,
    initialHidden,
    initialCell,
    peephole: peephole || undefined,
  };
  return incoming.map((own, d) => {
    const lane = laneOf(t, of, sources, d);
    const gradient = backward[of.op](t, lane, own);
    return ofPass(t, { lane, gradient, products: weightProducts(t, lane, gradient) });
  });
}

const ofPass = (t: Tape, pass: Pass): DirectionGradient => ({
  ...pass.gradient,
  input: () => inputGradient(t, pass),
  w: () => weightGradient(t, pass.gradient.byInput, pass.products),
  r: () => weightGradient(t, pass.gradient.byHidden, pass.products),
  b: () => biasGradient(t, pass),
});

/**
 * Products of what weights were multiplied with, transposed, and gradients of what came out, over all rows at once,
 * [columns of the operand, columns of the gradient]: the wide matrix on the right is what Gemm is fastest with. Where W and R
 * share a gradient, one product over both serves both.
 */
function weightProducts(t: Tape, lane: Lane, gradient: LaneGradient): (part: Part) => string {
  const { features, hidden } = lane.of;
  const known = new Map<string, string>();
  const against = (operand: string, value: string): string => {
    const key = `${operand} ${value}`;
    const shape = [t.shape(operand)[1]!, t.shape(value)[1]!];
    const made = known.get(key) ?? t.emit('Gemm', [operand, value], shape, { transA: int(1) });
    known.set(key, made);
    return made;
  };
  const both = gradient.byHidden.filter((p) => p.operand === lane.previous).map((p) => p.gradient);
  const joint = new Set(gradient.byInput.map((p) => p.gradient).filter((g) => both.includes(g)));
  return ({ operand, gradient: value }) => {
    if (!joint.has(value)) return against(operand, value);
    const all = against(lane.joined, value);
    return operand === lane.x ? rowsOf(t, all, 0, features) : rowsOf(t, all, features, features + hidden);
  };
}

/** Gradients of W or R from the products with what each part was multiplied with. */
function weightGradient(t: Tape, parts: readonly Part[], productOf: (part: Part) => string): string {
  const rows = parts.map((part) => t.transposeLast(t.slice(productOf(part), [1], [0], [part.columns], [1])));
  return t.concat(rows, 0);
}

/** Gradients of x, [rows, features]: products with the rows of W, added up inside Gemm; columns that do not count meet zeros. */
function inputGradient(t: Tape, { lane, gradient }: Pass): string {
  let [sum, from]: [string | undefined, number] = [undefined, 0];
  for (const part of gradient.byInput) {
    const w = rowsOf(t, lane.w, from, from + part.columns);
    const idle = t.shape(part.gradient)[1]! - part.columns;
    const whole = idle === 0 ? w : t.concat([w, t.zeros([idle, lane.of.features])], 0);
    sum = product(t, part.gradient, whole, sum, false);
    from += part.columns;
  }
  return sum!;
}

function biasGradient(t: Tape, { gradient }: Pass): string {
  const sums = new Map<string, string>();
  const sum = (part: Part): string => {
    const known = sums.get(part.gradient) ?? t.reduce('ReduceSum', part.gradient, [0], false);
    sums.set(part.gradient, known);
    return rowsOf(t, known, 0, part.columns);
  };
  return t.concat([...gradient.byInput, ...gradient.byHidden].map(sum), 0);
}

function recurrentVjp(t: Tape, n: Applied, dys: readonly (string | undefined)[]): readonly Gradient[] {
  const of = readRecurrent(t, n.node);
  let made: DirectionGradient[] | undefined;
  const all = (): DirectionGradient[] => (made ??= directions(t, of, n, incomingOf(t, of, dys)));
  /** One value a direction, stacked as the operator stacks them. */
  const stacked = (index: number, write: (direction: DirectionGradient) => string) => (): string => {
    const shape = t.shape(n.inputs[index]!);
    const states = of.batchFirst && (index === 5 || index === 6);
    const wide = states ? [shape[1]!, shape[0]!, shape[2]!] : shape;
    const parts = all().map((direction) => t.reshape(write(direction), [1, ...wide.slice(1)]));
    const value = t.concat(parts, 0);
    return states ? swap(t, value) : value;
  };
  return [
    () => {
      const parts = all().map((direction) => direction.input());
      const x = t.reshape(sumOf(t, ...parts)!, [of.steps, of.batch, of.features]);
      return of.batchFirst ? swap(t, x) : x;
    },
    stacked(1, (direction) => direction.w()),
    stacked(2, (direction) => direction.r()),
    stacked(3, (direction) => direction.b()),
    null,
    stacked(5, (direction) => direction.initialHidden()),
    stacked(6, (direction) => direction.initialCell!()),
    stacked(7, (direction) => direction.peephole!()),
  ];
}

export const recurrent: Row = {
  unsupported: recurrentObstacle,
  forward: writeForward,
  vjp: (t, n, _dy, dys) => recurrentVjp(t, n, dys),
};
