/**
 * Products with a transposed parameter, as exporters write dense layers when they fold no constants, as Gemm: the gradient of the parameter
 * is then a product in its own layout, where the gradient of the transposition would turn it once more.
 */
import { attrInts, elementCount, int, int64, type Node, type StoredTensor } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';

/** The matrix that a Transpose turns, where it is a constant. */
function turnedBy(node: Node | undefined, constants: ReadonlyMap<string, StoredTensor>): string | undefined {
  const weight = node?.inputs[0] ?? '';
  if (node?.op !== 'Transpose' || node.domain !== '' || constants.get(weight)?.value.dims.length !== 2)
    return undefined;
  return attrInts(node, 'perm', [1, 0]).join() === '1,0' ? weight : undefined;
}

/** @returns the same forward graph with MatMul of a transposed constant as Gemm; a Transpose that nothing else reads computes nothing */
export function directWeights(forward: Forward): Forward {
  const { graph } = forward;
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const types = new Map<string, StaticType>(forward.types);
  const initializers = new Map(graph.initializers);
  let found = false;
  const sizes = (name: string, shape: readonly number[]): string => {
    initializers.set(name, { name, value: int64([shape.length], shape) });
    types.set(name, { dtype: 'int64', shape: [shape.length] });
    return name;
  };
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [a, b] = node.inputs as [string, string];
    const weight = node.op === 'MatMul' && node.domain === '' ? turnedBy(makers.get(b), initializers) : undefined;
    const [left, result] = [types.get(a), types.get(node.outputs[0]!)];
    if (weight === undefined || !left || !result || left.dtype !== 'float32' || left.shape.length < 2) return [node];
    found = true;
    const gemm = (x: string, y: string): Node => ({
      ...{ ...node, op: 'Gemm', inputs: [x, weight], outputs: [y] },
      attributes: new Map([['transB', int(1)]]),
    });
    const y = node.outputs[0]!;
    if (left.shape.length === 2) return [gemm(a, y)];
    const matrix = (shape: readonly number[]): number[] => [elementCount(shape.slice(0, -1)), shape.at(-1)!];
    const [rows, product] = [`lifted.${y}.rows`, `lifted.${y}.product`];
    types.set(rows, { dtype: 'float32', shape: matrix(left.shape) });
    types.set(product, { dtype: 'float32', shape: matrix(result.shape) });
    const reshape = (from: string, to: string, shape: readonly number[]): Node => ({
      ...{ op: 'Reshape', domain: '', name: '', attributes: new Map() },
      ...{ inputs: [from, sizes(`lifted.${to}.sizes`, shape)], outputs: [to] },
    });
    return [reshape(a, rows, matrix(left.shape)), gemm(rows, product), reshape(product, y, result.shape)];
  });
  if (!found) return forward;
  const read = new Set([...nodes.flatMap((n) => n.inputs), ...graph.outputs.map((o) => o.name)]);
  const used = nodes.filter((n) => n.op !== 'Transpose' || n.outputs.some((o) => read.has(o)));
  return { ...forward, types, graph: { ...graph, nodes: used, initializers } };
}
