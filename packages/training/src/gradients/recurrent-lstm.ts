/** The walk backwards through an LSTM, gates i, o, f, c: C' = f C + i g, h' = o tanh(C'), with peepholes from C to i, f and from C' to o. */
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
  type Lane,
  type LaneGradient,
} from './recurrent-lane.js';
import { backwards, floored, incomingSteps, masked } from './recurrent-walk.js';

/** Weights of the peepholes, [hidden] each. */
interface Peepholes {
  readonly i: string;
  readonly o: string;
  readonly f: string;
}

/** Arguments of the gates without their peepholes, [rows, hidden]. */
interface Arguments {
  readonly i: string;
  readonly o: string;
  readonly f: string;
  readonly c: string;
}

/** The forget gate as it acts on the cell: past a sample's end the cell is kept. */
function keeping(t: Tape, lane: Lane, f: string): string {
  return lane.on ? t.add(t.mul(f, lane.on), lane.off!) : f;
}

/** Cell states after each step. The operator gives only the last; two small nodes a step restore them, more with peepholes. */
function cellStates(t: Tape, lane: Lane, a: Arguments, p: Peepholes | undefined): string[] {
  const { steps } = lane.of;
  const [f, g] = [lane.activations[0]!, lane.activations[1]!];
  const cells = new Array<string>(steps);
  let cell = lane.initialCell;
  const order = backwards(lane).reverse();
  if (!p) {
    const i = gate(t, lane, f, a.i).value;
    const made = perStep(t, masked(t, lane, t.mul(i, gate(t, lane, g, a.c).value)), steps);
    const kept = perStep(t, keeping(t, lane, gate(t, lane, f, a.f).value), steps);
    for (const s of order) cells[s] = cell = t.add(t.mul(kept[s]!, cell), made[s]!);
    return cells;
  }
  const candidate = perStep(t, masked(t, lane, gate(t, lane, g, a.c).value), steps);
  const [is, fs] = [perStep(t, a.i, steps), perStep(t, a.f, steps)];
  const [on, off] = [lane.on && perStep(t, lane.on, steps), lane.off && perStep(t, lane.off, steps)];
  for (const s of order) {
    const i = gate(t, lane, f, t.add(is[s]!, t.mul(p.i, cell))).value;
    let kept = gate(t, lane, f, t.add(fs[s]!, t.mul(p.f, cell))).value;
    if (on && off) kept = t.add(t.mul(kept, on[s]!), off[s]!);
    cells[s] = cell = t.add(t.mul(kept, cell), t.mul(i, candidate[s]!));
  }
  return cells;
}

interface Factors {
  /** From the gradients of C', h', C', C' to the arguments of i, o, f, c, [rows, 4 * hidden]. */
  readonly toGates: string;
  /** From the gradient of h' to that of C', and from that of C' to that of C. */
  readonly toCell: string;
  readonly kept: string;
  /** Cell states before and after each step, [rows, hidden]. */
  readonly before: string;
  readonly after: string;
}

/** All gates and factors at once; peepholes are folded into them, so that they cost nothing in the walk. */
function factorsOf(t: Tape, lane: Lane, p: Peepholes | undefined): Factors {
  const [f, g, h] = lane.activations as [Lane['activations'][0], Lane['activations'][0], Lane['activations'][0]];
  const [i, o, fo, c] = [0, 1, 2, 3].map((k) => gateArgument(t, lane, k)) as [string, string, string, string];
  const cells = cellStates(t, lane, { i, o, f: fo, c }, p);
  const after = t.concat(cells, 0);
  const shifted = lane.reverse ? [...cells.slice(1), lane.initialCell] : [lane.initialCell, ...cells.slice(0, -1)];
  const before = t.concat(shifted, 0);
  const peek = (x: string, weight: string | undefined, cell: string): string =>
    weight === undefined ? x : t.add(x, t.mul(weight, cell));
  const input = gate(t, lane, f, peek(i, p?.i, before));
  const output = gate(t, lane, f, peek(o, p?.o, after));
  const forget = gate(t, lane, f, peek(fo, p?.f, before));
  const candidate = gate(t, lane, g, c);
  const squashed = h.value(t, after);
  const toI = masked(t, lane, t.mul(candidate.value, input.slope()));
  const toO = masked(t, lane, t.mul(squashed, output.slope()));
  const toF = masked(t, lane, t.mul(before, forget.slope()));
  const toC = masked(t, lane, t.mul(input.value, candidate.slope()));
  let toCell = masked(
    t,
    lane,
    t.mul(
      output.value,
      h.slope(t, squashed, () => t.sub(t.scalar(1), squashed)),
    ),
  );
  let kept = keeping(t, lane, forget.value);
  if (p) {
    toCell = t.add(toCell, t.mul(toO, p.o));
    kept = t.add(kept, t.add(t.mul(toI, p.i), t.mul(toF, p.f)));
  }
  return { toGates: t.concat([toI, toO, toF, toC], 1), toCell, kept, before, after };
}

/** Gradients of the peepholes i, o, f: sums over rows of the gates' gradients times the cells that they saw. */
function peepholeGradient(t: Tape, lane: Lane, gates: string, { before, after }: Factors): string {
  const { hidden } = lane.of;
  const seen = t.concat([before, after, before], 1);
  const own = t.slice(gates, [1], [0], [3 * hidden], [1]);
  return t.reduce('ReduceSum', t.mul(own, seen), [0], false);
}

export function lstmBackward(t: Tape, lane: Lane, incoming: Incoming): LaneGradient {
  const { steps, hidden, batch } = lane.of;
  const part = (index: number): string => rowsOf(t, lane.peephole!, index * hidden, (index + 1) * hidden);
  const factors = factorsOf(t, lane, lane.peephole === undefined ? undefined : { i: part(0), o: part(1), f: part(2) });
  const toGates = perStep(t, factors.toGates, steps);
  const [toCell, kept] = [perStep(t, factors.toCell, steps), perStep(t, factors.kept, steps)];
  const offs = lane.off && perStep(t, lane.off, steps);
  const ys = incomingSteps(t, lane, incoming);
  const order = backwards(lane);
  const gates = new Array<string>(steps);
  let d = sumOf(t, incoming.last, ys[order[0]!]) ?? t.zeros([batch, hidden]);
  let carried = incoming.lastCell;
  const before = (s: number, dh: string, added: string | undefined): string =>
    product(t, gates[s]!, lane.r, sumOf(t, offs && t.mul(dh, offs[s]!), added), false);
  let cell = '';
  order.forEach((s, k) => {
    cell = sumOf(t, t.mul(d, toCell[s]!), carried)!;
    gates[s] = t.mul(t.concat([cell, d, cell, cell], 1), toGates[s]!);
    const next = order[k + 1];
    if (next === undefined) return;
    carried = t.mul(cell, kept[s]!);
    d = floored(t, before(s, d, ys[next]), k + 1);
  });
  const all = t.concat(gates, 0);
  const first = order.at(-1)!;
  return {
    ...alike(t, lane, all),
    initialHidden: () => before(first, d, undefined),
    initialCell: () => t.mul(cell, kept[first]!),
    peephole: () => peepholeGradient(t, lane, all, factors),
  };
}
