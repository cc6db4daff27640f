/** The walk backwards through a GRU, gates z, r, h: h' = (1 - z) n + z h. */
import type { Tape } from '../tape.js';
import type { Incoming } from './recurrent-direction.js';
import {
  alike,
  gate,
  gateArgument,
  perStep,
  product,
  rowsOf,
  sumOf,
  type Gate,
  type Lane,
  type LaneGradient,
} from './recurrent-lane.js';
import { masked, onceAStep, walk } from './recurrent-walk.js';

interface Gates {
  readonly z: Gate;
  readonly r: Gate;
  /** W x of the candidate with its bias, R's rows for it, and their bias. */
  readonly input: string;
  readonly rn: string;
  readonly bias?: string;
}

/** What both forms compute alike, for all rows. */
function gatesOf(t: Tape, lane: Lane): Gates {
  const { hidden } = lane.of;
  const f = lane.activations[0]!;
  const block = (value: string): string => rowsOf(t, value, 2 * hidden, 3 * hidden);
  return {
    z: gate(t, lane, f, gateArgument(t, lane, 0)),
    r: gate(t, lane, f, gateArgument(t, lane, 1)),
    input: product(t, lane.x, block(lane.w), lane.wb && block(lane.wb)),
    rn: block(lane.r),
    bias: lane.rb && block(lane.rb),
  };
}

/** Factors by which a gradient of h' reaches the candidate's argument, that of z, and h. */
function factorsOf(t: Tape, lane: Lane, z: Gate, n: Gate): { toN: string; toZ: string; kept: string } {
  return {
    toN: masked(t, lane, t.mul(z.rest(), n.slope())),
    toZ: masked(t, lane, t.mul(t.sub(lane.previous, n.value), z.slope())),
    kept: lane.on ? t.add(t.mul(lane.on, z.value), lane.off!) : z.value,
  };
}

/** linear_before_reset 1, n = g(W x + r (R h + b)): one factor for all three gates, so that a step is one product. */
function linearFirst(t: Tape, lane: Lane, incoming: Incoming): LaneGradient {
  const { steps, hidden } = lane.of;
  const { z, r, input, rn, bias } = gatesOf(t, lane);
  const linear = product(t, lane.previous, rn, bias);
  const n = gate(t, lane, lane.activations[1]!, t.add(input, t.mul(r.value, linear)));
  const { toN, toZ, kept } = factorsOf(t, lane, z, n);
  const factor = t.concat([toZ, t.mul(t.mul(toN, linear), r.slope()), t.mul(toN, r.value)], 1);
  const [factors, keeps] = [perStep(t, factor, steps), perStep(t, kept, steps)];
  const argument = onceAStep((s, d) => t.mul(t.concat([d, d, d], 1), factors[s]!));
  const { byStep, initial } = walk(t, lane, incoming, (s, d, added) =>
    product(t, argument(s, d), lane.r, sumOf(t, t.mul(d, keeps[s]!), added), false),
  );
  const all = t.concat(
    byStep.map((d, s) => argument(s, d)),
    0,
  );
  // As W sees it, the candidate's part lacks the factor r; the third block of `all` is for R alone.
  const candidate = t.mul(t.concat(byStep, 0), toN);
  return {
    byInput: [
      { gradient: all, columns: 2 * hidden, operand: lane.x },
      { gradient: candidate, columns: hidden, operand: lane.x },
    ],
    byHidden: [{ gradient: all, columns: 3 * hidden, operand: lane.previous }],
    initialHidden: initial,
  };
}

/** linear_before_reset 0, n = g(W x + R (r h) + b): the gradient of r waits for a product of its own. */
function resetFirst(t: Tape, lane: Lane, incoming: Incoming): LaneGradient {
  const { steps, hidden } = lane.of;
  const { z, r, input, rn, bias } = gatesOf(t, lane);
  const operand = t.mul(r.value, lane.previous);
  const added = bias === undefined ? input : t.add(input, bias);
  const n = gate(t, lane, lane.activations[1]!, product(t, operand, rn, added));
  const { toN, toZ, kept } = factorsOf(t, lane, z, n);
  const toR = t.mul(lane.previous, r.slope());
  const [ns, zs, rs] = [perStep(t, toN, steps), perStep(t, toZ, steps), perStep(t, toR, steps)];
  const [keeps, resets] = [perStep(t, kept, steps), perStep(t, r.value, steps)];
  const rzr = rowsOf(t, lane.r, 0, 2 * hidden);
  const at = onceAStep((s, d) => {
    const candidate = t.mul(d, ns[s]!);
    const back = product(t, candidate, rn, undefined, false);
    return { candidate, back, gates: t.concat([t.mul(d, zs[s]!), t.mul(back, rs[s]!)], 1) };
  });
  const { byStep, initial } = walk(t, lane, incoming, (s, d, more) => {
    const { back, gates } = at(s, d);
    const direct = t.add(t.mul(d, keeps[s]!), t.mul(back, resets[s]!));
    return product(t, gates, rzr, sumOf(t, direct, more), false);
  });
  const parts = byStep.map((d, s) => at(s, d));
  const gates = t.concat(
    parts.map((p) => p.gates),
    0,
  );
  const candidate = t.concat(
    parts.map((p) => p.candidate),
    0,
  );
  const { byInput, byHidden } = alike(t, lane, gates, candidate);
  return { byInput, byHidden: [byHidden[0]!, { ...byHidden[1]!, operand }], initialHidden: initial };
}

export function gruBackward(t: Tape, lane: Lane, incoming: Incoming): LaneGradient {
  return lane.of.linearBeforeReset ? linearFirst(t, lane, incoming) : resetFirst(t, lane, incoming);
}
