/** Edits of a model from which channels go: constants shrink, and nodes that spell sizes out are told the new ones. */
import {
  eliminateDeadCode,
  float32,
  int,
  int64,
  type Attribute,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { cloneModel } from './index-of-values.js';
import type { Units } from './units.js';
import { isGridAxis, isLabels, rowsAlong, type Axis } from './values.js';
import type { Walk } from './walk.js';

/** Which classes go. */
export class Removal {
  constructor(
    private readonly units: Units,
    private readonly gone: ReadonlySet<number>,
  ) {}

  goes(unit: number): boolean {
    return this.gone.has(this.units.find(unit));
  }

  touches(labels: Int32Array): boolean {
    return labels.some((unit) => this.goes(unit));
  }

  /** The indices of an axis that stay; null when all do. */
  kept(axis: Axis | undefined): Int32Array | null {
    if (isLabels(axis)) return this.touches(axis) ? indices(axis.length, (i) => !this.goes(axis[i] as number)) : null;
    if (!isGridAxis(axis) || !this.touches(axis.grid.labels)) return null;
    const rows = rowsAlong(axis.grid, axis.at);
    const stays = rows.map((row) => !row.every((unit) => this.goes(unit)));
    return stays.includes(false) ? indices(rows.length, (i) => stays[i] as boolean) : null;
  }
}

function indices(length: number, stays: (i: number) => boolean): Int32Array {
  return Int32Array.from({ length }, (_, i) => i).filter(stays);
}

/** The slices of an axis at `keep`; element types that pack several elements into a byte are refused. */
export function gatherSlices(tensor: Tensor, axis: number, keep: Int32Array): Tensor {
  const { dims, data } = tensor;
  const count = dims.reduce((a, b) => a * b, 1);
  if (!('subarray' in data) || data.length !== count) throw new TypeError(`a ${tensor.dtype} constant cannot be cut`);
  const width = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = width === 0 ? 0 : count / (width * inner);
  const from = data as Float32Array;
  const to = new (from.constructor as Float32ArrayConstructor)(outer * keep.length * inner);
  for (let o = 0; o < outer; o++)
    keep.forEach((index, k) => {
      const start = (o * width + index) * inner;
      to.set(from.subarray(start, start + inner), (o * keep.length + k) * inner);
    });
  return { ...tensor, dims: dims.map((d, i) => (i === axis ? keep.length : d)), data: to } as Tensor;
}

export class Surgery {
  readonly model: Model;
  readonly #copies = new Map<Node, Node>();
  readonly #names: Set<string>;

  constructor(
    private readonly walk: Walk,
    readonly removal: Removal,
  ) {
    this.model = cloneModel(walk.model);
    walk.model.graph.nodes.forEach((node, i) => this.#copies.set(node, this.model.graph.nodes[i] as Node));
    this.#names = new Set([...this.model.graph.initializers.keys(), ...walk.index.producers.keys()]);
  }

  /** The indices of an axis of a value that stay; null when all do. */
  kept(name: string, axis: number): Int32Array | null {
    return this.removal.kept(this.walk.value(name).axes[axis]);
  }

  /** The size that an axis has afterwards; null when it is open. */
  size(name: string, axis: number): number | null {
    const size = this.walk.value(name).dims[axis];
    if (this.walk.isOpen(name, axis)) return null;
    return this.kept(name, axis)?.length ?? (typeof size === 'number' ? size : null);
  }

  attribute(node: Node, name: string, value: Attribute | null): void {
    const { attributes } = this.#copies.get(node) as Node;
    if (value) attributes.set(name, value);
    else attributes.delete(name);
  }

  count(node: Node, name: string, value: number): void {
    this.attribute(node, name, int(value));
  }

  /** A constant in place of an input; other readers of the old one keep it. */
  constant(node: Node, input: number, values: readonly number[], dims: readonly number[] = [values.length]): void {
    const old = this.walk.index.constant(node.inputs[input]);
    const tensor: Tensor =
      old?.dtype === 'int32'
        ? { dtype: 'int32', dims, data: Int32Array.from(values) }
        : old?.dtype === 'float32'
          ? float32(dims, [...values])
          : int64(dims, values);
    const copy = this.#copies.get(node) as Node;
    while (copy.inputs.length <= input) copy.inputs.push('');
    copy.inputs[input] = this.#store(node.inputs[input] || `${node.outputs[0]}_sizes`, tensor);
  }

  /** Other numbers at some places of a vector that the graph computes. */
  patch(node: Node, input: number, changes: ReadonlyMap<number, number>): void {
    const copy = this.#copies.get(node) as Node;
    const old = this.walk.ints(node.inputs[input]);
    if (changes.size === 0) return;
    if (old) return this.constant(node, input, old.map((v, i) => changes.get(i) ?? v)); // prettier-ignore
    const stem = copy.inputs[input] as string;
    const places = this.#store(`${stem}_places`, int64([changes.size], [...changes.keys()]));
    const sizes = this.#store(`${stem}_new`, int64([changes.size], [...changes.values()]));
    const output = this.#fresh(`${stem}_patched`);
    const attributes = new Map<string, Attribute>([['axis', int(0)]]);
    const scatter: Node = { op: 'ScatterElements', domain: '', name: output, inputs: [stem, places, sizes], outputs: [output], attributes }; // prettier-ignore
    const { nodes } = this.model.graph;
    nodes.splice(nodes.indexOf(copy), 0, scatter);
    copy.inputs[input] = output;
  }

  /** Carries the removal out. */
  run(): Model {
    const { initializers, inputs, values } = this.model.graph;
    for (const [name, stored] of initializers) {
      const value = this.walk.values.get(name);
      if (!value || !('data' in stored.value)) continue;
      let tensor: Tensor = stored.value;
      value.axes.forEach((axis, i) => {
        const kept = this.removal.kept(axis);
        if (kept) tensor = gatherSlices(tensor, i, kept);
      });
      if (tensor === stored.value) continue;
      initializers.set(name, { ...stored, value: tensor });
      // Before IR version 4 every initializer is listed as an input too, with its shape.
      const at = inputs.findIndex((input) => input.name === name);
      const listed = inputs[at];
      if (listed) inputs[at] = { ...listed, type: { kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims } };
    }
    for (const edit of this.walk.edits) edit(this);
    values.clear();
    return eliminateDeadCode(this.model);
  }

  #store(stem: string, tensor: Tensor): string {
    const name = this.#fresh(stem);
    this.model.graph.initializers.set(name, { name, value: tensor });
    return name;
  }

  #fresh(stem: string): string {
    let name = stem;
    for (let i = 1; this.#names.has(name); i++) name = `${stem}_${i}`;
    this.#names.add(name);
    return name;
  }
}
