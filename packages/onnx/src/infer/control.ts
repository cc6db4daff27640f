/** Rows of the operators that run graphs: the branches of If, the bodies of Loop, Scan and SequenceMap. */
import { attrGraph, attrInt, attrInts } from '../attributes.js';
import { OnnxError } from '../errors.js';
import type { Dim } from '../ir.js';
import { mapDims, mergeTypes } from './declared.js';
import { firstDim, productDim, type Shape } from './dims.js';
import { joinFacts, sameFact, typeFact, type Fact, type NodeFacts, type Row } from './facts.js';
import { joinTypes, sequenceType, tensorType, type Inferred } from './types.js';

/** Trips of a loop that are followed one by one; more are taken together. */
const MOST_TRIPS = 64;
/** Nodes that following the trips of a loop one by one may look at. */
const MOST_FOLLOWED = 4096;

/** The branch that a known condition takes, or what both say. A branch that contradicts the sizes is never taken. */
export const ifRow: Row = (f) => {
  const condition = f.scalar(0);
  if (typeof condition === 'number') return f.subgraph(condition === 0 ? 'else_branch' : 'then_branch');
  const failures: OnnxError[] = [];
  const branches = ['then_branch', 'else_branch'].flatMap((name) => {
    try {
      return [f.subgraph(name)];
    } catch (error) {
      if (!(error instanceof OnnxError) || error.code !== 'shape') throw error;
      failures.push(error);
      return [];
    }
  });
  const [first, second] = branches;
  if (!first) throw failures[0]!;
  f.branches = branches;
  return second ? first.map((fact, i) => joinFacts(fact, second[i] ?? typeFact(null))) : first;
};

/** Symbols that a body makes denote another size on each trip, so they do not leave it. */
function leave(f: NodeFacts, fact: Fact): Fact {
  const forget = (d: Dim): Dim => (typeof d === 'string' && d.startsWith(`${f.path}/`) ? null : d);
  const type = (t: Inferred): Inferred => t && mapDims(t, forget);
  return typeFact(type(fact.type), {
    elements: fact.elements?.map(forget) ?? null,
    items: fact.items?.map(type) ?? null,
  });
}

interface Trip {
  /** Whether another trip follows, as far as known: 1, 0 or null. */
  readonly goesOn: Dim;
  readonly state: readonly Fact[];
  /** The slices that this trip adds to the outputs that collect them. */
  readonly slices: readonly Fact[];
}

interface Trips {
  readonly state: readonly Fact[];
  readonly slices: readonly Fact[];
  readonly count: Dim;
}

/** `index` is the number of the trip, or null for any. */
type Body = (state: readonly Fact[], index: number | null) => Trip;

const joinAll = (a: readonly Fact[], b: readonly Fact[]): Fact[] =>
  a.map((fact, i) => joinFacts(fact, b[i] ?? typeFact(null)));

/** Trip after trip, as long as it is known whether another follows; null when that is not known to the end. */
function follow(body: Body, start: readonly Fact[], count: number): Trips | null {
  let state = start;
  let slices: readonly Fact[] | null = null;
  for (let index = 0; index < count; index++) {
    const trip = body(state, index);
    state = trip.state;
    slices = slices ? joinAll(slices, trip.slices) : trip.slices;
    if (trip.goesOn === 0) return { state, slices, count: index + 1 };
    if (trip.goesOn === null) return null;
  }
  return slices && { state, slices, count };
}

/** What holds on every trip: the state is widened until another trip no longer changes it. */
function settle(body: Body, start: readonly Fact[]): Trip & { before: readonly Fact[] } {
  let state = start;
  for (let round = 0; ; round++) {
    const trip = body(state, null);
    const joined = joinAll(state, trip.state);
    // Values that change on every trip, then sizes, are given up where they would not come to rest.
    const next = joined.map((fact, i) => {
      return round < 4 || sameFact(fact, state[i]!) ? fact : widen(fact, round < 8);
    });
    if (next.every((fact, i) => sameFact(fact, state[i]!))) return { ...trip, before: state };
    state = next;
  }
}

function widen(fact: Fact, keepShape: boolean): Fact {
  if (keepShape || fact.type?.kind !== 'tensor') return typeFact(fact.type);
  return typeFact({ ...fact.type, shape: null });
}

/**
 * Loop: body(trip, condition, state...) gives condition, state... and slices that are stacked. The state may change its
 * shape from trip to trip.
 */
export const loop: Row = (f) => {
  const states = Math.max(0, f.inputCount - 2);
  const body: Body = (state, index) => {
    const trip = typeFact(tensorType('int64', []), { elements: index === null ? null : [index] });
    const condition = typeFact(tensorType('bool', []), { elements: [1] });
    const outputs = f.subgraph('body', [trip, condition, ...state], index !== null);
    const [goesOn, ...rest] = outputs.map((fact) => leave(f, fact));
    return { goesOn: goesOn?.elements?.[0] ?? null, state: rest.slice(0, states), slices: rest.slice(states) };
  };
  const start = Array.from({ length: states }, (_, i) => f.fact(i + 2));
  const { state, slices, count } = tripsOf(f, body, start);
  f.trips = count;
  return [...state, ...slices.map((slice) => stacked(slice, count, 0))];
};

function tripsOf(f: NodeFacts, body: Body, start: readonly Fact[]): Trips {
  // Without a limit or a first condition a loop goes on until the body says otherwise.
  const limit = f.has(0) ? f.scalar(0) : Infinity;
  const begins = f.has(1) ? f.scalar(1) : 1;
  if (begins === 0 || (typeof limit === 'number' && limit <= 0)) {
    return { state: start, slices: body(start, null).slices, count: 0 };
  }
  const trips = typeof limit === 'number' ? Math.min(limit, MOST_TRIPS) : 0;
  if (begins === 1 && f.mayFollow && trips * attrGraph(f.node, 'body').nodes.length <= MOST_FOLLOWED) {
    const followed = follow(body, start, trips);
    if (followed && (trips === limit || followed.count !== trips)) return followed;
  }
  const { goesOn, state, slices, before } = settle(body, start);
  const endless = begins === 1 && goesOn === 1 && limit !== Infinity;
  // Where there may be no trip at all, the state may stay what it was.
  const once = begins === 1 && typeof limit === 'number';
  return { state: once ? state : before, slices, count: (endless ? limit : null) ?? `${f.path}_trips` };
}

function stacked(slice: Fact, count: Dim, axis: number): Fact {
  if (slice.type?.kind !== 'tensor') return typeFact(slice.type);
  const { dtype, shape } = slice.type;
  if (!shape) return typeFact(tensorType(dtype, null));
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return typeFact(tensorType(dtype, [...shape.slice(0, at), count, ...shape.slice(at)]));
}

function without(f: NodeFacts, shape: Shape, axis: number): Shape {
  const at = f.axis(axis, shape.length);
  return shape.filter((_, i) => i !== at);
}

/** The state of a Scan, unlike that of a Loop, keeps its type. */
function steady(f: NodeFacts, before: Fact, after: Fact, i: number): Inferred {
  try {
    return mergeTypes(`state ${i}`, before.type, after.type, 'declared');
  } catch (error) {
    if (error instanceof OnnxError) f.fail(`it does not keep its type: ${error.message}`);
    throw error;
  }
}

/** Scan (since 9): the body sees one slice of each scanned input, and its slices are stacked. */
function scanSlices(f: NodeFacts, skip: number, batch: boolean): Row {
  return () => {
    const scanned = attrInt(f.node, 'num_scan_inputs');
    const states = f.inputCount - skip - scanned;
    if (scanned < 1 || states < 0) f.fail(`${scanned} scanned inputs of ${f.inputCount - skip}`);
    const inputAxes = attrInts(f.node, 'scan_input_axes', new Array<number>(scanned).fill(0));
    const outputAxes = attrInts(f.node, 'scan_output_axes', []);
    // Scan-8 has a batch in front, which the body does not see.
    const inside = (fact: Fact, axis: number | null): Fact => {
      if (fact.type?.kind !== 'tensor' || !fact.type.shape) return typeFact(fact.type);
      let { shape } = fact.type;
      if (axis !== null) shape = without(f, shape, batch ? 1 : axis);
      return typeFact(tensorType(fact.type.dtype, batch ? without(f, shape, 0) : shape));
    };
    const at = Array.from({ length: f.inputCount - skip }, (_, i) => f.fact(i + skip));
    const start = at.slice(0, states).map((fact) => inside(fact, null));
    const slices = at.slice(states).map((fact, i) => inside(fact, inputAxes[i] ?? 0));
    const sizes = at.slice(states).map(({ type }, i): Dim => {
      if (type?.kind !== 'tensor' || !type.shape) return null;
      return type.shape[f.axis(batch ? 1 : (inputAxes[i] ?? 0), type.shape.length)]!;
    });
    const known = new Set(sizes.filter((d) => typeof d === 'number'));
    if (known.size > 1) f.fail(`the scanned inputs have ${[...known].join(' and ')} slices`);
    const body: Body = (state) => {
      const out = f.subgraph('body', [...state, ...slices]).map((fact) => leave(f, fact));
      return { goesOn: 1, state: out.slice(0, states), slices: out.slice(states) };
    };
    const trip = settle(body, start);
    const state = trip.state.map((after, i) => steady(f, start[i]!, after, i));
    const count = firstDim(...sizes) ?? `${f.path}_trips`;
    const sequences = batch ? firstDim(...at.map(({ type }) => (type?.kind === 'tensor' ? type.shape?.[0] : null))) : 1;
    f.trips = productDim([count, sequences]);
    const outside = (fact: Fact): Fact => (batch ? stacked(fact, sequences, 0) : fact);
    return [
      ...state.map((type) => outside(typeFact(type))),
      ...trip.slices.map((slice, i) => outside(stacked(slice, count, batch ? 0 : (outputAxes[i] ?? 0)))),
    ];
  };
}

/** Scan-8 takes the lengths of the sequences as input 0 and has a batch in front. */
export const scan: Row = (f) => (f.opset < 9 ? scanSlices(f, 1, true) : scanSlices(f, 0, false))(f);

/** SequenceMap: the body on each element of the first sequence and of the others; tensors go in whole. */
export const sequenceMap: Row = (f) => {
  const inputs = Array.from({ length: f.inputCount }, (_, i) => f.fact(i));
  const length = inputs[0]?.items?.length ?? null;
  f.trips = length;
  const map = (pick: (fact: Fact) => Inferred): Inferred[] =>
    f
      .subgraph(
        'body',
        inputs.map((fact) => (fact.type?.kind === 'sequence' ? typeFact(pick(fact)) : fact)),
      )
      .map((fact) => leave(f, fact).type);
  const sequence = (element: Inferred, items: readonly Inferred[] | null): Fact =>
    typeFact(element && sequenceType(element), { items });
  if (length === null || length === 0 || length > MOST_TRIPS) {
    const elements = map((fact) => f.element(inputs.indexOf(fact)));
    return elements.map((element) => sequence(element, length === 0 ? [] : null));
  }
  const each = Array.from({ length }, (_, i) => map(({ items }) => items?.[i] ?? null));
  return each[0]!.map((_, output) => {
    const items = each.map((outputs) => outputs[output] ?? null);
    return sequence(items.reduce(joinTypes), items);
  });
};
