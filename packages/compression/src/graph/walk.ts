/** The state of a walk over a graph: the units of every value, what consumes them, and what must be edited when they go. */
import {
  opsetVersion,
  type Dim,
  type Model,
  type Node,
  type StoredTensor,
  type Tensor,
  type ValueType,
} from '@verge/onnx';
import { GraphIndex, nodeName } from './index-of-values.js';
import type { Surgery } from './surgery.js';
import { Units } from './units.js';
import { gridsOf, isGridAxis, isLabels, rowsAlong, type Axis, type Grid, type Value } from './values.js';

/** A constant whose slices along `axis` compute channels. */
export interface Producer {
  node: string;
  weight: string;
  axis: number;
  /** The units of the channels that it computes. */
  labels: Int32Array;
  /** Rows that one channel has, as those of the gates of a recurrent layer; 1 when absent. */
  gates?: number;
}

/**
 * Where channels are added up or compared, so that a removed one must not count. `zero` takes it as 0, `mean` leaves it out of
 * the number as well, `lowest` and `highest` take it as a value that loses every comparison.
 */
export interface Sink {
  node: Node;
  input: number;
  axis: number;
  kind: 'zero' | 'mean' | 'lowest' | 'highest' | 'layer-norm' | 'rms-norm';
  labels: Int32Array;
}

/** Several ways to tie units. */
export interface Decision {
  /** The way that is taken when it leaves a choice; else the one that leaves the most classes is. */
  prefer?: number;
  /** The units that the ways differ in, in parts of which the poorest counts. */
  parts: readonly (readonly Int32Array[])[];
  options: readonly ((units: Units) => void)[];
}

export type Edit = (surgery: Surgery) => void;

export class Walk {
  readonly units = new Units();
  readonly index: GraphIndex;
  readonly producers: Producer[] = [];
  readonly sinks: Sink[] = [];
  readonly edits: Edit[] = [];
  readonly decisions: Decision[] = [];
  /** Whole numbers computed from sizes that may change: for each of them the units that it counts. */
  readonly tainted = new Map<string, readonly (readonly number[])[]>();
  readonly values = new Map<string, Value>();
  /** Further runs of channels that kernels work on in blocks, as one group of a convolution. */
  readonly runs: Int32Array[] = [];

  /**
   * @param types proven, with the batch as a number where that is possible
   * @param open proven, with the batch as the model has it
   * @param block how many channels the kernels work on at a time
   */
  constructor(
    readonly model: Model,
    readonly types: ReadonlyMap<string, ValueType>,
    readonly open: ReadonlyMap<string, ValueType>,
    readonly block: number,
  ) {
    this.index = new GraphIndex(model.graph);
  }

  opset(): number {
    return opsetVersion(this.model) ?? 1;
  }

  /** The proven shape; null when not even the rank is proven. */
  dims(name: string): readonly Dim[] | null {
    const constant = this.index.constant(name);
    if (constant) return constant.dims;
    const type = this.types.get(name);
    return type?.kind === 'tensor' ? type.shape : null;
  }

  /** The proven shape with the batch as the model has it. */
  openDims(name: string): readonly Dim[] {
    const type = this.open.get(name);
    return this.index.constant(name)?.dims ?? (type?.kind === 'tensor' ? type.shape : null) ?? [];
  }

  /** Whether an axis has another size with another batch. */
  isOpen(name: string, axis: number): boolean {
    return typeof this.openDims(name)[axis] !== 'number';
  }

  /** A value with the units of its axes. A constant gets units of its own when it is first asked for. */
  value(name: string): Value {
    const known = this.values.get(name);
    if (known) return known;
    const dims = this.dims(name) ?? [];
    const constant = this.index.constant(name);
    const axes = dims.map((d): Axis => (constant && typeof d === 'number' && d > 0 ? this.units.fresh(d) : null));
    const value = { dims, axes };
    this.values.set(name, value);
    return value;
  }

  /** Whole numbers of a constant. */
  ints(name: string | undefined): number[] | null {
    const tensor = this.index.constant(name);
    return tensor?.dtype === 'int64' || tensor?.dtype === 'int32' ? Array.from(tensor.data, Number) : null;
  }

  /** Says what the axes of an output carry. */
  set(name: string, axes: readonly Axis[]): void {
    const dims = this.dims(name) ?? [];
    const fitting = axes.map((axis, i): Axis => {
      const size = isLabels(axis) ? axis.length : isGridAxis(axis) ? axis.grid.sizes[axis.at] : undefined;
      if (size === undefined || dims[i] === size) return axis;
      this.freezeAxis(axis, `the size of axis ${i} of '${name}' is not proven to be ${size}`);
      return null;
    });
    this.values.set(name, { dims, axes: this.#wholeGrids(fitting) });
  }

  /** A grid that lost one of its axes carries nothing. */
  #wholeGrids(axes: readonly Axis[]): readonly Axis[] {
    const broken = new Set([...gridsOf({ dims: [], axes })].filter(([, at]) => at.includes(-1)).map(([grid]) => grid));
    return axes.map((axis) => {
      if (!isGridAxis(axis) || !broken.has(axis.grid)) return axis;
      this.freezeAxis(axis, 'a part of its channels is lost');
      return null;
    });
  }

  grid(sizes: readonly number[], labels: Int32Array): Grid {
    const grid = { sizes, labels };
    this.decisions.push({
      parts: [[labels]],
      options: sizes.map((_, at) => (units: Units) => {
        for (const row of rowsAlong(grid, at)) units.unionAll(row, 'a part of its row stays');
      }),
    });
    return grid;
  }

  freezeAxis(axis: Axis | undefined, reason: string): void {
    if (!axis) return;
    for (const unit of isLabels(axis) ? axis : axis.grid.labels) this.units.freeze(unit, reason);
  }

  freezeValue(name: string, reason: string): void {
    if (name === '' || (!this.values.has(name) && !this.index.constant(name))) return;
    for (const axis of this.value(name).axes) this.freezeAxis(axis, reason);
  }

  /** The axes with their grids settled: each on its first axis that `follow` accepts, whose rows become classes. */
  settled(name: string, node: Node, follow: (axis: number) => boolean = () => true): readonly Axis[] {
    const value = this.value(name);
    let axes = value.axes;
    for (const [grid, places] of gridsOf(value)) {
      const chosen = places.toSorted((a, b) => a - b).find(follow);
      if (chosen === undefined) {
        for (const unit of grid.labels) this.units.freeze(unit, `${called(node)} mixes its channels`);
        axes = axes.map((axis, i) => (places.includes(i) ? null : axis));
        continue;
      }
      const rows = rowsAlong(grid, places.indexOf(chosen));
      for (const row of rows) this.units.unionAll(row, 'a part of its row stays');
      const labels = Int32Array.from(rows, (row) => row[0] as number);
      axes = axes.map((axis, i) => (i === chosen ? labels : places.includes(i) ? null : axis));
    }
    return axes;
  }

  /** Ties two axes index by index. */
  unite(a: Axis | undefined, b: Axis | undefined, reason: string): void {
    if (!isLabels(a) || !isLabels(b) || a.length !== b.length) {
      this.freezeAxis(a, reason);
      this.freezeAxis(b, reason);
      return;
    }
    a.forEach((unit, i) => this.units.union(unit, b[i] as number, reason));
  }

  sink(node: Node, input: number, axis: number, labels: Axis | undefined, kind: Sink['kind'] = 'zero'): void {
    if (this.isOpen(node.inputs[input] as string, axis))
      return this.freezeAxis(labels, `${called(node)} adds up along an axis of open size`);
    if (isLabels(labels)) this.sinks.push({ node, input, axis, kind, labels });
  }

  /** Notes the constant behind a weight, through what only moves or dequantizes it. */
  producer(node: Node, weight: string, axis: number, labels: Axis | undefined): void {
    if (!isLabels(labels)) return;
    let [name, at] = [weight, axis];
    while (!this.index.constant(name)) {
      const maker = this.index.producers.get(name);
      if (!maker || !/^(DequantizeLinear|Cast|Identity|Transpose)$/.test(maker.op)) return;
      if (maker.op === 'Transpose') at = permutation(maker, this.value(name).dims.length)[at] as number;
      name = maker.inputs[0] as string;
    }
    this.producers.push({ node: nodeName(node), weight: name, axis: at, labels });
  }

  edit(edit: Edit): void {
    this.edits.push(edit);
  }
}

/** The source axis of each axis of a Transpose. */
export function permutation(node: Node, rank: number): number[] {
  const perm = node.attributes.get('perm');
  return perm?.kind === 'ints' ? perm.value.map(Number) : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** A node in a reason. */
export const called = (node: Node): string => `${node.op} '${nodeName(node)}'`;

export const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The value of a stored tensor that lies in the file. */
export const storedValue = (stored: StoredTensor | undefined): Tensor | null =>
  stored && 'data' in stored.value ? stored.value : null;

export type Rule = (node: Node, walk: Walk) => void;
