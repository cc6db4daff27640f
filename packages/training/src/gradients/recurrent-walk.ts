/** The walk backwards through time over one hidden state, and the cell that has nothing else: RNN. */
import type { Tape } from '../tape.js';
import type { Incoming } from './recurrent-direction.js';
import { alike, gate, gateArgument, perStep, product, sumOf, type Lane, type LaneGradient } from './recurrent-lane.js';

/** The steps in the order of the walk backwards. */
export function backwards(lane: Lane): number[] {
  const steps = Array.from({ length: lane.of.steps }, (_, i) => i);
  return lane.reverse ? steps : steps.reverse();
}

/** Zeroes rows past a sample's end. */
export const masked = (t: Tape, lane: Lane, value: string): string => (lane.on ? t.mul(value, lane.on) : value);

/** Gradients of the hidden states by step; past a sample's end, where the operator writes zeros, none comes in. */
export function incomingSteps(t: Tape, lane: Lane, incoming: Incoming): (string | undefined)[] {
  const { steps } = lane.of;
  if (incoming.y === undefined) return new Array<undefined>(steps).fill(undefined);
  return perStep(t, masked(t, lane, incoming.y), steps);
}

/**
 * A gradient that vanishes on its way back through many steps ends in denormal numbers, with which processors are slow (GRU of
 * 64 units, 200 steps: 108 against 20 ms a training step). Now and then this is added, far below what float32 keeps of a
 * gradient that matters.
 */
const FLOOR = 1e-18;
const FLOOR_EVERY = 8;

/** Keeps a gradient out of the denormal numbers; `walked` counts the steps so far. */
export function floored(t: Tape, d: string, walked: number): string {
  return walked % FLOOR_EVERY === 0 ? t.add(d, t.scalar(FLOOR)) : d;
}

/**
 * Walks from the last state to the first.
 * @param step writes the gradient of the state before step s: `d` is that of the state after it, `added` what else reaches it
 * @returns gradients of the state after each step, all of them known, and of the initial state when asked
 */
export function walk(
  t: Tape,
  lane: Lane,
  incoming: Incoming,
  step: (s: number, d: string, added: string | undefined) => string,
): { byStep: readonly string[]; initial: () => string } {
  const ys = incomingSteps(t, lane, incoming);
  const order = backwards(lane);
  const byStep = new Array<string>(order.length);
  let d = sumOf(t, incoming.last, ys[order[0]!]) ?? t.zeros([lane.of.batch, lane.of.hidden]);
  order.forEach((s, i) => {
    byStep[s] = d;
    const next = order[i + 1];
    if (next !== undefined) d = floored(t, step(s, d, ys[next]), i + 1);
  });
  return { byStep, initial: () => step(order.at(-1)!, d, undefined) };
}

/** What is made once for each step, when it is first asked for. */
export function onceAStep<T>(make: (s: number, d: string) => T): (s: number, d: string) => T {
  const made = new Map<number, T>();
  return (s, d) => {
    const value = made.get(s) ?? make(s, d);
    made.set(s, value);
    return value;
  };
}

/** RNN: h' = f(x W^T + h R^T + b). Without clipping the derivative follows from h' itself; nothing is recomputed. */
export function rnnBackward(t: Tape, lane: Lane, incoming: Incoming): LaneGradient {
  const { steps, clip } = lane.of;
  const f = lane.activations[0]!;
  const slope =
    clip === undefined
      ? f.slope(t, lane.y, () => t.sub(t.scalar(1), lane.y))
      : gate(t, lane, f, gateArgument(t, lane, 0)).slope();
  const slopes = perStep(t, masked(t, lane, slope), steps);
  const offs = lane.off && perStep(t, lane.off, steps);
  const argument = onceAStep((s, d) => t.mul(d, slopes[s]!));
  const { byStep, initial } = walk(t, lane, incoming, (s, d, added) =>
    product(t, argument(s, d), lane.r, sumOf(t, offs && t.mul(d, offs[s]!), added), false),
  );
  const all = t.concat(
    byStep.map((d, s) => argument(s, d)),
    0,
  );
  return { ...alike(t, lane, all), initialHidden: initial };
}
