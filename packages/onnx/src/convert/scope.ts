/** What the adapters of one operator may ask about its surroundings and add to them. */
import { attrInts, tensorAttr } from '../attributes.js';
import { float16Bits } from '../halves.js';
import type { Attribute, Dim, Graph, Node, ValueType } from '../ir.js';
import type { DataType, Tensor } from '../tensor.js';
import { float32, int64 } from '../tensor.js';

/** Why a node cannot be said in the version asked for; the reason is for people. */
export class Inexpressible extends Error {}

export class Scope {
  readonly added: { name: string; tensor: Tensor }[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #types: Map<string, ValueType>;

  /**
   * @param graphs the graph of the nodes and those around it
   * @param types of the values of the model as it was
   * @param fresh gives a name that nothing has
   */
  constructor(
    graphs: readonly Graph[],
    types: ReadonlyMap<string, ValueType>,
    readonly fresh: (stem: string) => string,
  ) {
    this.#types = new Map(types);
    for (const graph of graphs) {
      const inputs = new Set(graph.inputs.map((i) => i.name));
      for (const [name, { value }] of graph.initializers)
        if (!inputs.has(name) && !('external' in value)) this.#constants.set(name, value);
      this.#read(graph.nodes);
    }
  }

  #read(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (node.op !== 'Constant') continue;
      const value = node.attributes.get('value');
      if (value?.kind === 'tensor' && !('external' in value.value.value))
        this.#constants.set(node.outputs[0]!, value.value.value);
      const list = node.attributes.get('value_ints');
      if (list?.kind === 'ints') this.#constants.set(node.outputs[0]!, int64([list.value.length], list.value));
    }
  }

  /** The value, where it is the same in every run and in the file itself. */
  constant(name: string | undefined): Tensor | null {
    return name ? (this.#constants.get(name) ?? null) : null;
  }

  /** @throws Inexpressible where the value is not known before a run */
  needConstant(node: Node, index: number, what: string): Tensor {
    const tensor = this.constant(node.inputs[index]);
    if (!tensor) throw new Inexpressible(`${what} is computed in the graph, and must be known before a run`);
    return tensor;
  }

  /** @throws Inexpressible where it is no constant of integers */
  needIntegers(node: Node, index: number, what: string): number[] {
    const tensor = this.needConstant(node, index, what);
    if (tensor.dtype === 'string') throw new Inexpressible(`${what} is no list of integers`);
    return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  }

  shape(name: string | undefined): readonly Dim[] | null {
    const type = name ? this.#types.get(name) : undefined;
    return type?.kind === 'tensor' ? type.shape : (this.constant(name)?.dims ?? null);
  }

  dtype(name: string | undefined): DataType | null {
    const type = name ? this.#types.get(name) : undefined;
    return type?.kind === 'tensor' ? type.dtype : (this.constant(name)?.dtype ?? null);
  }

  /** Says of a new value that it has the type and rank of another one; its sizes may be others. */
  like(name: string, other: string | undefined): void {
    const [dtype, shape] = [this.dtype(other), this.shape(other)];
    this.#types.set(name, { kind: 'tensor', dtype, shape: shape && shape.map(() => null) });
  }

  /** @throws Inexpressible */
  needRank(name: string | undefined): number {
    const shape = this.shape(name);
    if (!shape) throw new Inexpressible(`the rank of '${name ?? ''}' is not known`);
    return shape.length;
  }

  /** Adds a constant. @returns its name */
  store(tensor: Tensor, stem: string): string {
    const name = this.fresh(stem);
    this.added.push({ name, tensor });
    this.#constants.set(name, tensor);
    return name;
  }

  integers(values: readonly number[], stem: string): string {
    return this.store(int64([values.length], values), stem);
  }

  /**
   * A number of the type that a value has.
   * @throws Inexpressible for types other than float32, float64 and float16
   */
  numberLike(like: string | undefined, value: number, stem: string, dims: readonly number[] = []): string {
    const dtype = this.dtype(like);
    if (dtype === 'float32' || dtype === null) {
      if (dtype === null) throw new Inexpressible(`the element type of '${like ?? ''}' is not known`);
      return this.store(float32(dims, [value]), stem);
    }
    if (dtype === 'float16') return this.store({ dtype, dims, data: Uint16Array.of(float16Bits(value)) }, stem);
    if (dtype === 'float64') return this.store({ dtype, dims, data: Float64Array.of(value) }, stem);
    throw new Inexpressible(`a constant of ${dtype} would be needed`);
  }
}

/** A node of the default domain. */
export function nodeOf(
  scope: Scope,
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Node {
  const name = scope.fresh(`${outputs[0]!}.${op}`);
  return {
    op,
    domain: '',
    name,
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: new Map(Object.entries(attributes)),
  };
}

/** The same node without some attributes, and with others. */
export function changed(
  node: Node,
  {
    drop = [],
    set = {},
    inputs = node.inputs,
    op = node.op,
  }: {
    drop?: readonly string[];
    set?: Readonly<Record<string, Attribute>>;
    inputs?: readonly string[];
    op?: string;
  },
): Node {
  const attributes = new Map([...node.attributes].filter(([name]) => !drop.includes(name)));
  for (const [name, value] of Object.entries(set)) attributes.set(name, value);
  return { ...node, op, inputs: [...inputs], attributes };
}

/** Inputs without absent ones at the end. */
export function trimmed(inputs: readonly string[]): string[] {
  const last = inputs.findLastIndex((name) => name !== '');
  return inputs.slice(0, last + 1);
}

/** A Constant node, for places that hold no initializers. */
export const constantNode = (name: string, tensor: Tensor): Node => ({
  op: 'Constant',
  domain: '',
  name: '',
  inputs: [],
  outputs: [name],
  attributes: new Map([['value', tensorAttr(tensor, name)]]),
});

/** A list attribute; null where the node lacks it. @throws Inexpressible where it refers to one of a function */
export function listOf(node: Node, name: string): readonly number[] | null {
  const found = node.attributes.get(name);
  if (!found) return null;
  if (found.kind === 'reference') throw new Inexpressible(`${name} is an attribute of the function around it`);
  return attrInts(node, name);
}
