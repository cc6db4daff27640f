/**
 * Large overlapping windows of MaxPool along one axis after the other: a window of 5x5 then costs 10 comparisons instead of 25, twice,
 * since its gradient needs the indices, which ONNX Runtime finds one by one. Of equal maxima both ways give the first in reading order:
 * the first column of each row, then the first row.
 */
import { attrInt, attrInts, attrString, ints, type Node } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';

/** From here on the second pool costs less than the comparisons that it spares. */
const WORTH = 16;

interface Pool {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

function poolOf(node: Node): Pool | undefined {
  const kernel = attrInts(node, 'kernel_shape', []);
  const explicit = attrString(node, 'auto_pad', 'NOTSET') === 'NOTSET' && !node.outputs[1];
  if (node.op !== 'MaxPool' || node.domain !== '' || kernel.length !== 2 || !explicit) return undefined;
  const strides = attrInts(node, 'strides', [1, 1]);
  const overlaps = kernel.every((k, i) => k > strides[i]!);
  if (!overlaps || kernel[0]! * kernel[1]! < WORTH) return undefined;
  return {
    kernel,
    strides,
    dilations: attrInts(node, 'dilations', [1, 1]),
    pads: attrInts(node, 'pads', [0, 0, 0, 0]),
  };
}

/** The pool over one of the two axes. */
function along(node: Node, pool: Pool, axis: 0 | 1, input: string, output: string): Node {
  const only = (values: readonly number[], other: number): readonly number[] =>
    values.map((v, i) => (i % 2 === axis ? v : other));
  return {
    ...node,
    name: axis === 0 ? node.name : '',
    inputs: [input],
    outputs: [output],
    attributes: new Map([
      ['ceil_mode', { kind: 'int', value: BigInt(attrInt(node, 'ceil_mode', 0)) }],
      ['kernel_shape', ints(only(pool.kernel, 1))],
      ['strides', ints(only(pool.strides, 1))],
      ['dilations', ints(only(pool.dilations, 1))],
      ['pads', ints(only(pool.pads, 0))],
    ]),
  };
}

/** @returns the same forward graph with large windows of MaxPool taken apart */
export function separatePools(forward: Forward): Forward {
  const { graph } = forward;
  const types = new Map<string, StaticType>(forward.types);
  let found = false;
  const nodes = graph.nodes.flatMap((node) => {
    const pool = poolOf(node);
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const [from, to] = [types.get(x), types.get(y)];
    if (!pool || !from || !to) return [node];
    found = true;
    const columns = `lifted.${y}.columns`;
    types.set(columns, { dtype: to.dtype, shape: [...from.shape.slice(0, 3), to.shape[3]!] });
    return [along(node, pool, 1, x, columns), along(node, pool, 0, columns, y)];
  });
  return found ? { ...forward, types, graph: { ...graph, nodes } } : forward;
}
