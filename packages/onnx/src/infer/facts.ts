/** What is known about values, and the facts that the row of one node sees. */
import { nodeLabel } from '../check/nodes.js';
import { DATA_TYPES } from '../datatypes.js';
import { OnnxError } from '../errors.js';
import type { Dim, Node, ValueType } from '../ir.js';
import type { DataType } from '../tensor.js';
import { mapDims } from './declared.js';
import { firstDim, MOST_RANK, shapeText, type Shape } from './dims.js';
import { joinTypes, sameType, type Inferred } from './types.js';

/** A value as far as it is known. */
export interface Fact {
  readonly type: Inferred;
  /** The elements of a small tensor, row-major, known or symbolic: what shapes are computed from. */
  readonly elements: Shape | null;
  /** The types of the elements of a sequence whose length is known. */
  readonly items: readonly Inferred[] | null;
}

/** A row says a type, or a whole fact where it knows the value as well. */
export type Outcome = Inferred | Fact;
export type Row = (facts: NodeFacts) => readonly Outcome[];

export function typeFact(type: Inferred, more: Partial<Fact> = {}): Fact {
  return { type, elements: null, items: null, ...more };
}

export function asFact(outcome: Outcome | undefined): Fact {
  if (!outcome) return typeFact(null);
  return 'kind' in outcome ? typeFact(outcome) : outcome;
}

/** What holds of a value that is one of two. */
export function joinFacts(a: Fact, b: Fact): Fact {
  if (a === b) return a;
  // An empty sequence says nothing about its elements: any sequence of the element type covers it.
  const type = isEmpty(a) && sameElement(a, b) ? b.type : isEmpty(b) && sameElement(a, b) ? a.type : null;
  const elements = joinLists(a.elements, b.elements, (x, y) => (x === y ? x : null));
  return {
    type: type ?? joinTypes(a.type, b.type),
    elements: elements?.every((d) => d === null) ? null : elements,
    items: joinLists(a.items, b.items, joinTypes),
  };
}

function joinLists<T>(a: readonly T[] | null, b: readonly T[] | null, join: (x: T, y: T) => T): readonly T[] | null {
  return a && a.length === b?.length ? a.map((x, i) => join(x, b[i]!)) : null;
}

const isEmpty = (fact: Fact): boolean => fact.items?.length === 0;

function sameElement(a: Fact, b: Fact): boolean {
  if (a.type?.kind !== 'sequence' || b.type?.kind !== 'sequence') return false;
  const [x, y] = [a.type.element, b.type.element];
  return x.kind === 'tensor' && y.kind === 'tensor' && x.dtype === y.dtype;
}

export function sameFact(a: Fact, b: Fact): boolean {
  const same = <T>(x: readonly T[] | null, y: readonly T[] | null, equal: (p: T, q: T) => boolean): boolean =>
    x === y || (x !== null && x.length === y?.length && x.every((p, i) => equal(p, y[i]!)));
  return (
    sameType(a.type, b.type) && same(a.elements, b.elements, (p, q) => p === q) && same(a.items, b.items, sameType)
  );
}

/**
 * Runs the graph in attribute `name` of a node, which sees the values around the node, on facts of its inputs (none for
 * a branch). Gives facts of its outputs. `follows` tells that this is one of several trips.
 */
export type Subgraph = (name: string, inputs?: readonly Fact[], follows?: boolean) => readonly Fact[];

/** The inputs of one node, with accessors that rows are written in. */
export class NodeFacts {
  /** The outcomes of the branches of an If of which it is not known which one is taken. */
  branches: readonly (readonly Fact[])[] = [];
  /** How often the node runs its body, for one that does so again and again. */
  trips: Dim | undefined;

  constructor(
    readonly node: Node,
    /** The version of the node's operator set. */
    readonly opset: number,
    private readonly facts: readonly (Fact | null)[],
    readonly subgraph: Subgraph,
    /** Tells this node from all others, also from its copies in other calls of the same function. */
    readonly path: string,
    /** Whether the trips of a loop may be followed one by one: only where no loop around it is. */
    readonly mayFollow: boolean,
  ) {}

  get inputCount(): number {
    return this.facts.length;
  }

  has(i: number): boolean {
    return this.facts[i] !== undefined && this.node.inputs[i] !== '' && this.node.inputs[i] !== undefined;
  }

  fact(i: number): Fact {
    return this.facts[i] ?? typeFact(null);
  }

  type(i: number): ValueType | null {
    return this.facts[i]?.type ?? null;
  }

  dtype(i: number): DataType | null {
    const type = this.type(i);
    return type?.kind === 'tensor' ? type.dtype : null;
  }

  /** The shape of a tensor; one of an absurd rank counts as unknown. */
  shape(i: number): Shape | null {
    const type = this.type(i);
    return type?.kind === 'tensor' && type.shape && type.shape.length <= MOST_RANK ? type.shape : null;
  }

  /** The shape of an input that must have this rank, as its operator says; unknown sizes when nothing is known. */
  ranked(i: number, rank: number): Shape {
    const shape = this.shape(i);
    if (shape && shape.length !== rank) this.fail(`input ${i} has rank ${shape.length}, not ${rank}`);
    return shape ?? new Array<Dim>(rank).fill(null);
  }

  /** The type of the elements of a sequence. A symbol in it is another size in each element, so it is left out. */
  element(i: number): Inferred {
    const type = this.type(i);
    return type?.kind === 'sequence' ? mapDims(type.element, (d) => (typeof d === 'string' ? null : d)) : null;
  }

  /** Known elements, or null when they or their number are unknown. */
  elements(i: number): Shape | null {
    return this.facts[i]?.elements ?? null;
  }

  /** Elements that are all known numbers. */
  numbers(i: number): readonly number[] | null {
    const found = this.elements(i);
    return found?.every((d): d is number => typeof d === 'number') ? found : null;
  }

  /** The only element of a scalar or of a tensor of one element. */
  scalar(i: number): Dim {
    const found = this.elements(i);
    return found?.length === 1 ? found[0]! : null;
  }

  /** Known numbers of a tensor of floats. */
  floats(i: number): readonly number[] | null {
    const dtype = this.dtype(i);
    return dtype && DATA_TYPES[dtype].family === 'float' ? this.numbers(i) : null;
  }

  fail(message: string): never {
    throw new OnnxError('shape', `${this.node.op} ${JSON.stringify(nodeLabel(this.node))}: ${message}`);
  }

  /** An axis in -rank..rank-1 as 0..rank-1. */
  axis(axis: number, rank: number): number {
    if (!(axis >= -rank && axis < rank)) this.fail(`axis ${axis} is outside of rank ${rank}`);
    return axis < 0 ? axis + rank : axis;
  }

  /** The element type that inputs of one type parameter have in common. */
  sameDtype(inputs: readonly number[]): DataType | null {
    let found: DataType | null = null;
    for (const dtype of inputs.map((i) => this.dtype(i))) {
      if (found && dtype && found !== dtype) this.fail(`inputs of ${found} and ${dtype} must be of one type`);
      found ??= dtype;
    }
    return found;
  }

  /** The size that several shapes have in common on one axis. */
  sameDim(dims: Shape, axis: number): Dim {
    const sizes = new Set(dims.filter((d) => typeof d === 'number'));
    if (sizes.size > 1) this.fail(`sizes ${[...sizes].join(' and ')} differ on axis ${axis}`);
    return firstDim(...dims);
  }

  /** Multidirectional broadcasting (ONNX docs/Broadcasting.md). */
  broadcast(shapes: readonly (Shape | null)[]): Shape | null {
    if (shapes.some((s) => s === null)) return null;
    const known = shapes as readonly Shape[];
    const rank = Math.max(0, ...known.map((s) => s.length));
    return Array.from({ length: rank }, (_, i) => {
      let dim: Dim = 1;
      for (const shape of known) {
        const at = i - (rank - shape.length);
        if (at >= 0) dim = this.broadcastDim(dim, shape[at]!, known);
      }
      return dim;
    });
  }

  private broadcastDim(a: Dim, b: Dim, shapes: readonly Shape[]): Dim {
    if (a === b || b === 1) return a;
    if (a === 1) return b;
    if (typeof a === 'number' && typeof b === 'number') {
      this.fail(`shapes ${shapes.map(shapeText).join(' and ')} do not broadcast`);
    }
    // A known size above 1 decides; of two unknowns either may be 1.
    if (typeof a === 'number') return a;
    if (typeof b === 'number') return b;
    return null;
  }
}
