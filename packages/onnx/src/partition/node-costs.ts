/** What each node of a graph costs, by its work or by what was measured. */
import { attrInt } from '../attributes.js';
import { subgraphs } from '../builder.js';
import { nodeLabel } from '../check/nodes.js';
import { OnnxError } from '../errors.js';
import { valueTypes } from '../infer/index.js';
import type { Node, ValueType } from '../ir.js';
import { shapesOf, storedBytes, typeBytes } from '../work/bytes.js';
import { nodeMacs } from '../work/macs.js';

export interface NodeWork {
  /** Multiply-accumulates of one run; null when they are not known. */
  readonly macs: number | null;
  /** Bytes of weights and values that the node reads and writes, those of unknown size left out. */
  readonly bytes: number;
}

/** A cost in any unit that adds up, say milliseconds; not negative. */
export type NodeCost = (node: Node, work: NodeWork) => number;

/**
 * What a multiply-accumulate of a depthwise convolution costs, when one of a dense convolution costs 1. Measured with
 * ONNX Runtime 1.30 on one AVX-512 core, MobileNetV1 and V2, no graph optimisation: dense 45 to 59 billion a second,
 * depthwise 2.8 to 2.9; elementwise operators moved 34 to 64 GB/s, so that a byte costs about 1.
 */
const DEPTHWISE = 16;

/**
 * Bytes moved plus multiply-accumulates, those of depthwise convolutions 16 times, in the time of one. An estimate
 * that leaves out other kernels, fusions and the start of a node; measured costs have all of it.
 */
export const defaultCost: NodeCost = (node, { macs, bytes }) => {
  const weight = node.op === 'Conv' && attrInt(node, 'group', 1) > 1 ? DEPTHWISE : 1;
  return weight * (macs ?? 0) + bytes;
};

/** The name by which measured costs and summaries call a node. */
export const costName = (node: Node): string => node.name || (node.outputs.find((name) => name !== '') ?? '');

/** The work of a node with that of the dearest of its subgraphs, as far as the types inside are declared. */
export function workOf(node: Node, types: ReadonlyMap<string, ValueType>): NodeWork {
  const names = new Set([...node.inputs, ...node.outputs]);
  let bytes = [...names].reduce((sum, name) => sum + (typeBytes(types.get(name)) ?? 0), 0);
  let macs = nodeMacs(node, shapesOf(types));
  const inside = subgraphs(node).map((graph) => {
    const seen = new Map([...types, ...valueTypes(graph)]);
    const work = graph.nodes.map((inner) => workOf(inner, seen));
    const constants = graph.nodes.reduce((sum, inner) => {
      const value = inner.op === 'Constant' ? inner.attributes.get('value') : undefined;
      return sum + (value?.kind === 'tensor' ? storedBytes(value.value) : 0);
    }, 0);
    return {
      macs: work.reduce<number | null>((sum, w) => (sum === null || w.macs === null ? null : sum + w.macs), 0),
      bytes: work.reduce((sum, w) => sum + w.bytes, constants),
    };
  });
  if (inside.length > 0) {
    bytes += Math.max(...inside.map((w) => w.bytes));
    const all = inside.map((w) => w.macs);
    macs = macs === null || all.includes(null) ? null : macs + Math.max(...(all as number[]));
  }
  return { macs, bytes };
}

/**
 * The cost of each node in order.
 * @param cost a function, or costs by node name (`Node.name`, or the first output's where there is none); a node that
 *   the map does not name costs nothing, as one that an executor fuses into another
 * @throws OnnxError `partition` naming every node whose cost is not a number from 0, or when the map names no node
 */
export function nodeCosts(
  nodes: readonly Node[],
  types: ReadonlyMap<string, ValueType>,
  cost: NodeCost | ReadonlyMap<string, number>,
): number[] {
  if (typeof cost !== 'function' && !nodes.some((node) => cost.has(costName(node)))) {
    throw new OnnxError('partition', 'the measured costs name no node of the graph');
  }
  const costs = nodes.map((node) =>
    typeof cost === 'function' ? cost(node, workOf(node, types)) : (cost.get(costName(node)) ?? 0),
  );
  const bad = nodes.filter((_, i) => !(costs[i]! >= 0 && costs[i]! < Infinity));
  if (bad.length > 0) {
    throw new OnnxError('partition', `the cost is not a finite number from 0: ${bad.map(nodeLabel).join(', ')}`);
  }
  return costs;
}
