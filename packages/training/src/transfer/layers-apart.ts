/**
 * Which reads of one constant belong to one layer. A layer that stands twice in a graph (siamese branches, a cell that was
 * unrolled) reads all of its parameters twice, its weight too; so reads whose layers have the same weight are reads of one
 * parameter, and reads whose layers have different weights are not.
 */
import { isDefaultDomain, type DataType, type Graph, type Node } from '@verge/onnx';
import { moduleOf } from './modules.js';

/** One place that reads a value. */
export interface Read {
  readonly node: Node;
  readonly index: number;
}

/** A constant all of whose elements are the same says nothing about its layer: fresh biases are all 0, scales all 1. */
export function isUniform(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** The nearest weights before a read, each with the node that reads it there. */
interface Owner {
  /** Operator, place of the read, module where the file says it, and steps to the weights: another layer where it differs. */
  readonly use: string;
  /** Name of a weight (or of a graph input where there is none) and the node through which it is reached. */
  readonly weights: ReadonlyMap<string, string>;
}

/** Operators whose operands may change places. */
const COMMUTATIVE: ReadonlySet<string> = new Set(['Add', 'Mul']);

/** Steps back from a read before its layer counts as nameless. */
const FARTHEST = 24;

/** Weights may be stored quantised; whole numbers of other types are shapes and indices. */
const WEIGHT_TYPES: ReadonlySet<DataType> = new Set<DataType>(['float32', 'float16', 'int8', 'uint8']);

/** Finds the layer of a read: the node's own weight, or the nearest before it. */
export class Layers {
  readonly #makers: ReadonlyMap<string, Node>;
  readonly #telling = new Map<string, boolean>();

  constructor(private readonly graph: Graph) {
    this.#makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  }

  /** Whether a constant tells layers apart: a weight with values of its own. */
  #tells(name: string): boolean {
    const known = this.#telling.get(name);
    if (known !== undefined) return known;
    const value = this.graph.initializers.get(name)?.value;
    const data = value && 'data' in value && WEIGHT_TYPES.has(value.dtype) ? (value.data as ArrayLike<number>) : [];
    const tells = data.length > 1 && !isUniform(data);
    this.#telling.set(name, tells);
    return tells;
  }

  #owner({ node, index }: Read): Owner {
    const place = `${COMMUTATIVE.has(node.op) ? '' : index} ${moduleOf(node)?.join('.') ?? ''}`;
    let level: readonly Node[] = [node];
    const seen = new Set<Node>(level);
    const weights = new Map<string, string>();
    for (let depth = 0; depth < FARTHEST && level.length > 0; depth++) {
      for (const n of level) for (const i of n.inputs) if (this.#tells(i)) weights.set(i, n.outputs[0]!);
      if (weights.size > 0) return { use: `${node.op} ${place} ${depth}`, weights };
      const makers = level.flatMap((n) => n.inputs.flatMap((i) => this.#makers.get(i) ?? []));
      level = [...new Set(makers)].filter((n) => !seen.has(n));
      level.forEach((n) => seen.add(n));
    }
    const outside = [...seen].flatMap((n) => n.inputs).filter((i) => i !== '' && !this.#makers.has(i));
    const inputs = outside.filter((i) => !this.graph.initializers.has(i));
    return { use: `${node.op} ${place} after ${seen.size}`, weights: new Map([['', inputs.join()]]) };
  }

  /**
   * Reads of one value as groups that are each a parameter of its own: reads of copies of one layer, which have a weight in
   * common that they reach through different nodes.
   */
  apart(reads: readonly Read[]): Read[][] {
    const groups: { readonly owners: Owner[]; readonly reads: Read[] }[] = [];
    for (const read of reads) {
      const owner = this.#owner(read);
      const copies = groups.find(({ owners }) => owners.every((other) => areCopies(other, owner)));
      if (copies) {
        copies.owners.push(owner);
        copies.reads.push(read);
      } else groups.push({ owners: [owner], reads: [read] });
    }
    return groups.map((group) => group.reads);
  }
}

function areCopies(a: Owner, b: Owner): boolean {
  const common = [...a.weights.keys()].filter((name) => b.weights.has(name));
  return a.use === b.use && common.length > 0 && common.every((name) => a.weights.get(name) !== b.weights.get(name));
}

/** Whether a read is of a running statistic, which no gradient moves. */
export function readsStatistic({ node, index }: Read): boolean {
  return isDefaultDomain(node.domain) && node.op === 'BatchNormalization' && index >= 3;
}
