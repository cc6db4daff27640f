/**
 * Pools before it rectifies: the largest of the rectified is the rectified largest, so Relu behind MaxPool computes the same on a
 * fraction of the elements, forwards and backwards. Where a window has nothing above zero no gradient flows either way.
 */
import type { Node } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';
import { usesOf } from './uses.js';

/**
 * @param kept values that something reads by name, so that they must stay
 * @returns the same forward graph with every Relu that only a MaxPool reads behind that pool
 */
export function poolFirst(forward: Forward, kept: ReadonlySet<string>): Forward {
  const { graph } = forward;
  const { makers, readers } = usesOf(graph);
  const types = new Map<string, StaticType>(forward.types);
  const moved = new Map<Node, readonly Node[]>();
  for (const pool of graph.nodes) {
    const relu = makers.get(pool.inputs[0]!);
    const [rectified, pooled] = [pool.inputs[0]!, pool.outputs[0]!];
    if (pool.op !== 'MaxPool' || pool.outputs[1] || relu?.op !== 'Relu' || relu.domain !== '') continue;
    if (readers.get(rectified) !== 1 || kept.has(rectified) || !types.has(pooled)) continue;
    const largest = `lifted.${pooled}.largest`;
    types.set(largest, types.get(pooled)!);
    moved.set(relu, []);
    moved.set(pool, [
      { ...pool, inputs: [relu.inputs[0]!], outputs: [largest] },
      { ...relu, inputs: [largest], outputs: [pooled] },
    ]);
  }
  if (moved.size === 0) return forward;
  const nodes = graph.nodes.flatMap((n) => moved.get(n) ?? [n]);
  return { ...forward, types, graph: { ...graph, nodes } };
}
