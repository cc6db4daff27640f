/** What is known about the values that a node reads, and the arithmetic of dimensions. */
import { nodeLabel } from '../check/nodes.js';
import { OnnxError } from '../errors.js';
import type { Dim, Node, ValueType } from '../ir.js';
import type { DataType, Tensor } from '../tensor.js';

export type Shape = readonly Dim[];

/** A value as far as it is known. */
export interface Fact {
  readonly type: ValueType | null;
  /** The elements of a small integer tensor, row-major, known or symbolic: what shapes are computed from. */
  readonly elements: Shape | null;
  /** The whole value when it is constant. */
  readonly tensor: Tensor | null;
}

/** What a row of the table says of one output; null is nothing. */
export type Inferred = ValueType | null;
export type Row = (facts: NodeFacts) => readonly Inferred[];

export function tensorType(dtype: DataType | null, shape: Shape | null): ValueType {
  return { kind: 'tensor', dtype, shape };
}

/** The inputs of one node, with accessors that rows are written in. */
export class NodeFacts {
  constructor(
    readonly node: Node,
    readonly opset: number,
    private readonly facts: readonly (Fact | null)[],
    /** Types of the outputs of a subgraph attribute, which sees the values around the node. */
    readonly subgraph: (name: string) => readonly Inferred[],
  ) {}

  get inputCount(): number {
    return this.facts.length;
  }

  has(i: number): boolean {
    return this.facts[i] !== undefined && this.node.inputs[i] !== '';
  }

  type(i: number): ValueType | null {
    return this.facts[i]?.type ?? null;
  }

  dtype(i: number): DataType | null {
    const type = this.type(i);
    return type?.kind === 'tensor' ? type.dtype : null;
  }

  shape(i: number): Shape | null {
    const type = this.type(i);
    return type?.kind === 'tensor' ? type.shape : null;
  }

  /** Known integer elements, or null when they or their number are unknown. */
  elements(i: number): Shape | null {
    return this.facts[i]?.elements ?? null;
  }

  /** Elements that are all known numbers. */
  numbers(i: number): readonly number[] | null {
    const found = this.elements(i);
    return found?.every((d): d is number => typeof d === 'number') ? found : null;
  }

  tensor(i: number): Tensor | null {
    return this.facts[i]?.tensor ?? null;
  }

  /** The elements of a constant of floats. */
  floats(i: number): readonly number[] | null {
    const tensor = this.tensor(i);
    return tensor?.dtype === 'float32' || tensor?.dtype === 'float64' ? [...tensor.data] : null;
  }

  fail(message: string): never {
    throw new OnnxError('shape', `${this.node.op} ${JSON.stringify(nodeLabel(this.node))}: ${message}`);
  }

  /** An axis in -rank..rank-1 as 0..rank-1. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail(`axis ${axis} is outside of rank ${rank}`);
    return axis < 0 ? axis + rank : axis;
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

export function shapeText(shape: Shape | null): string {
  return shape === null ? '[?]' : `[${shape.map((d) => d ?? '?').join(',')}]`;
}

export function mapDim(dim: Dim | undefined, f: (n: number) => number): Dim {
  return typeof dim === 'number' ? f(dim) : null;
}

/** The product of dimensions; a single symbol among ones stays itself. */
export function productDim(dims: Shape): Dim {
  if (dims.includes(0)) return 0;
  const rest = dims.filter((d) => d !== 1);
  if (rest.length === 0) return 1;
  if (rest.length === 1) return rest[0]!;
  let product = 1;
  for (const d of rest) {
    if (typeof d !== 'number') return null;
    product *= d;
  }
  return product;
}

/** The sum of dimensions; a single symbol among zeros stays itself. */
export function sumDim(dims: Shape): Dim {
  const rest = dims.filter((d) => d !== 0);
  if (rest.length === 1) return rest[0]!;
  let sum = 0;
  for (const d of rest) {
    if (typeof d !== 'number') return null;
    sum += d;
  }
  return sum;
}

/** Both say something about the same dimension; null when they contradict each other. */
export function mergeDim(a: Dim, b: Dim): { dim: Dim } | null {
  if (a === null) return { dim: b };
  if (b === null || a === b) return { dim: a };
  if (typeof a === 'number' && typeof b === 'number') return null;
  return { dim: typeof b === 'number' ? b : a };
}
