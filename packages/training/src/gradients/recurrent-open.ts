/**
 * LSTM as products and element-by-element operators, step after step, so that its gates stay for the gradient: the fused operator
 * hides them, and computing them once more costs a third of its products. States are columns here, [hidden, batch]: a product
 * is then a weight matrix as it is times a narrow state, and ONNX Runtime lays out the narrow one for its kernel (50 steps of
 * [512, 128] x [128, 32]: 3.2 ms), not the weights in every step (4.4 ms).
 */
import { type Node, int } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { DirectionGradient, Incoming } from './recurrent-direction.js';
import { laidOut } from './outer.js';
import { perStep, pick, product, rowsOf, sumOf } from './recurrent-lane.js';
import { hasUsualActivations, type Recurrent } from './recurrent-node.js';
import { floored } from './recurrent-walk.js';
import type { Saved } from './row.js';

/** Thirty nodes a step make a session slow to open: 256 steps took 5 CPU seconds on a busy machine. */
const MOST_STEPS = 128;

/**
 * Multiplications of one gate in one step from which on products matter more than that many nodes do: 50 steps of 64 units on 4 rows took
 * 7.8 ms this way and 5.5 the other way, 50 steps of 128 units on 32 rows 30 and 39.
 */
const LEAST_WORK = 2 ** 18;

/** Whether the node is a plain LSTM of some size: usual activations, no peepholes, no clipping, all samples equally long. */
export function isOpen(node: Node, of: Recurrent): boolean {
  const plain = !node.inputs[4] && !node.inputs[7] && of.clip === undefined;
  const sized = of.steps <= MOST_STEPS && of.hidden * (of.hidden + of.features) * of.batch >= LEAST_WORK;
  return of.op === 'LSTM' && plain && sized && hasUsualActivations(node, of.reverse.length);
}

/**
 * Values of one step, [hidden, batch]: gates i, o, f, g, the parts i g and f C of the cell state C' after it, tanh C', the hidden state after
 * it, and what the weights were multiplied with, [hidden + features (+ 1), batch].
 */
const KEPT = ['i', 'o', 'f', 'g', 'made', 'kept', 'squashed', 'h', 'operand'] as const;
type Step = Readonly<Record<(typeof KEPT)[number], string>>;

/** What was computed, as a row keeps it for its gradient. */
export function savedSteps(steps: readonly (readonly Step[])[]): Saved {
  const entries = steps.flatMap((own, d) => own.flatMap((step, s) => KEPT.map((k) => [`${d}.${s}.${k}`, step[k]])));
  return Object.fromEntries(entries) as Saved;
}

function stepsFrom(saved: Saved, d: number, steps: number): Step[] {
  const read = (s: number): Step => Object.fromEntries(KEPT.map((k) => [k, saved[`${d}.${s}.${k}`]!])) as Step;
  return Array.from({ length: steps }, (_, s) => read(s));
}

/** Columns of rows: [batch, n] as [n, batch]. */
const turned = (t: Tape, value: string): string => t.transposeLast(value);

/** Each step's input as columns, and a row of ones for the bias, [features (+ 1), batch]. */
function inputsByStep(t: Tape, of: Recurrent, x: string, biased: boolean): string[] {
  const { steps, batch, features } = of;
  const columns = turned(t, t.reshape(x, [steps, batch, features]));
  const rows = features + (biased ? 1 : 0);
  const ones = { dtype: 'float32', dims: [steps, 1, batch], data: new Float32Array(steps * batch).fill(1) } as const;
  const all = biased ? t.concat([columns, t.constant(ones, 'ones', `ones:${steps},1,${batch}`)], 1) : columns;
  return perStep(t, t.reshape(all, [steps * rows, batch]), steps);
}

/** Inputs of the node, steps first. */
export interface OpenSources {
  readonly x: string;
  readonly w: string;
  readonly r: string;
  readonly b?: string;
  readonly initialHidden?: string;
  readonly initialCell?: string;
}

/** Steps in the order in which the direction takes them. */
function forwards(of: Recurrent, d: number): number[] {
  const steps = Array.from({ length: of.steps }, (_, s) => s);
  return of.reverse[d] ? steps.reverse() : steps;
}

/** Writes one direction. @returns its steps, in the order of time */
function writeDirection(t: Tape, of: Recurrent, s: OpenSources, d: number, xs: readonly string[]): Step[] {
  const { hidden, batch } = of;
  const bias = s.b && pick(t, s.b, 0, d);
  const sum = bias && t.add(rowsOf(t, bias, 0, 4 * hidden), rowsOf(t, bias, 4 * hidden, 8 * hidden));
  const parts = [pick(t, s.r, 0, d), pick(t, s.w, 0, d), ...(sum ? [t.reshape(sum, [4 * hidden, 1])] : [])];
  const weights = t.concat(parts, 1);
  // A product for each gate: one for all would be taken apart again, which costs more.
  const [wi, wo, wf, wc] = perStep(t, weights, 4) as [string, string, string, string];
  const initial = (state?: string): string => (state ? turned(t, pick(t, state, 0, d)) : t.zeros([hidden, batch]));
  let [h, cell] = [initial(s.initialHidden), initial(s.initialCell)];
  const steps = new Array<Step>(of.steps);
  for (const at of forwards(of, d)) {
    const operand = t.concat([h, xs[at]!], 0);
    const gate = (w: string, activation: string): string =>
      t.unary(activation, product(t, w, operand, undefined, false));
    const [i, o, f, g] = [gate(wi, 'Sigmoid'), gate(wo, 'Sigmoid'), gate(wf, 'Sigmoid'), gate(wc, 'Tanh')];
    const [made, kept] = [t.mul(i, g), t.mul(f, cell)];
    cell = t.add(kept, made);
    const squashed = t.unary('Tanh', cell);
    h = t.mul(o, squashed);
    steps[at] = { i, o, f, g, made, kept, squashed, h, operand };
  }
  return steps;
}

/** Hidden states after each step as rows, [steps, batch, hidden]. */
function hiddenStates(t: Tape, { steps: count, hidden, batch }: Recurrent, steps: readonly Step[]): string {
  const all = t.concat(
    steps.map((s) => s.h),
    0,
  );
  return turned(t, t.reshape(all, [count, hidden, batch]));
}

/** Writes the node's forward pass. @param outputs names of Y, Y_h, Y_c, steps first; empty where nobody asks */
export function writeOpen(t: Tape, of: Recurrent, sources: OpenSources, outputs: readonly string[]): Saved {
  const { steps: count, hidden, batch, reverse } = of;
  const xs = inputsByStep(t, of, sources.x, sources.b !== undefined);
  const steps = reverse.map((_, d) => writeDirection(t, of, sources, d, xs));
  const last = (d: number): Step => steps[d]![reverse[d] ? 0 : count - 1]!;
  const stack = (output: string | undefined, axis: number, parts: readonly string[]): void => {
    if (output) t.node('Concat', parts, [output], { axis: int(axis) });
  };
  const states = (value: (step: Step) => string): string[] =>
    reverse.map((_, d) => t.reshape(turned(t, value(last(d))), [1, batch, hidden]));
  if (outputs[0])
    stack(
      outputs[0],
      1,
      steps.map((own) => t.reshape(hiddenStates(t, of, own), [count, 1, batch, hidden])),
    );
  if (outputs[1])
    stack(
      outputs[1],
      0,
      states((s) => s.h),
    );
  if (outputs[2])
    stack(
      outputs[2],
      0,
      states((s) => t.add(s.kept, s.made)),
    );
  return savedSteps(steps);
}

/** x - x y */
const rest = (t: Tape, x: string, y: string): string => t.sub(x, t.mul(x, y));

/** The walk backwards through one direction. */
export function openBackward(
  t: Tape,
  of: Recurrent,
  sources: OpenSources,
  saved: Saved,
  d: number,
  incoming: Incoming,
): DirectionGradient {
  const { steps: count, hidden, batch, features } = of;
  const steps = stepsFrom(saved, d, count);
  const w = pick(t, sources.w, 0, d);
  const back = laidOut(t, pick(t, sources.r, 0, d));
  const column = (value?: string): string | undefined => value && turned(t, value);
  const ys = incoming.y && turned(t, t.reshape(incoming.y, [count, batch, hidden]));
  const byStep = ys ? perStep(t, t.reshape(ys, [count * hidden, batch]), count) : [];
  const order = forwards(of, d).reverse();
  const gates = new Array<string>(count);
  let dh = sumOf(t, column(incoming.last), byStep[order[0]!]) ?? t.zeros([hidden, batch]);
  let carried = column(incoming.lastCell);
  order.forEach((at, walked) => {
    const { i, o, f, g, made, kept, squashed, h } = steps[at]!;
    const byHidden = t.mul(dh, h);
    const cell = sumOf(t, t.sub(t.mul(dh, o), t.mul(byHidden, squashed)), carried)!;
    const byMade = t.mul(cell, made);
    const toC = t.sub(t.mul(cell, i), t.mul(byMade, g));
    const toF = rest(t, t.mul(cell, kept), f);
    gates[at] = t.concat([rest(t, byMade, i), rest(t, byHidden, o), toF, toC], 0);
    carried = t.mul(cell, f);
    const next = order[walked + 1];
    if (next !== undefined) dh = floored(t, product(t, back, gates[at], byStep[next], false), walked + 1);
  });
  const all = t.concat(gates, 1);
  const first = order.at(-1)!;
  // All weights at once: [4 * hidden, hidden + features (+ 1)].
  const weights = (): string =>
    t.once(`weights of ${all}`, () => {
      const operands = t.concat(
        steps.map((s) => s.operand),
        1,
      );
      return product(t, all, operands, undefined, true);
    });
  const columns = (from: number, to: number): string => t.slice(weights(), [1], [from], [to], [1]);
  return {
    input: () => turned(t, product(t, turned(t, w), all, undefined, false)),
    w: () => columns(hidden, hidden + features),
    r: () => columns(0, hidden),
    b: () => {
      const own = t.reshape(columns(hidden + features, hidden + features + 1), [4 * hidden]);
      return t.concat([own, own], 0);
    },
    initialHidden: () => turned(t, product(t, back, gates[first]!, undefined, false)),
    initialCell: () => turned(t, carried!),
  };
}
