/** Values that dense layers read, with all the layers that read one. */
import type { Model, Node } from '@verge/onnx';
import { denseOf, type Dense } from '../../graph/dense.js';
import { nodeName, type GraphIndex } from '../../graph/index-of-values.js';
import { operatorsInside } from '../branches.js';
import type { PassResult } from '../pass.js';

export interface Group {
  readonly value: string;
  /** Channels of the value: the last axis. */
  readonly channels: number;
  readonly layers: readonly Dense[];
  /** Whether nothing else reads the value, so that it can be made with other factors. */
  readonly alone: boolean;
}

export const groupName = ({ layers }: Group): string => layers.map(({ node }) => nodeName(node)).join(' + ');

export function groupsOf(
  model: Model,
  index: GraphIndex,
  keep: ReadonlySet<string>,
): { groups: Group[]; declined: PassResult['declined'] } {
  const declined = operatorsInside(model, new Set(['MatMul', 'Gemm']));
  const byValue = new Map<string, Dense[]>();
  const kept = new Set<Node>();
  for (const node of model.graph.nodes) {
    const dense = denseOf(node, index);
    if (dense === null) continue;
    const reason =
      typeof dense === 'string'
        ? dense
        : keep.has(nodeName(node))
          ? 'the recipe keeps it'
          : index.readers(dense.weight).length > 1
            ? 'its weight is shared'
            : null;
    if (reason !== null) {
      declined.push({ node: nodeName(node), reason });
      kept.add(node);
    } else {
      const layer = dense as Dense;
      const value = node.inputs[0] as string;
      byValue.set(value, [...(byValue.get(value) ?? []), layer]);
    }
  }
  const groups = [...byValue].map(([value, layers]): Group => {
    const nodes = new Set(layers.map(({ node }) => node));
    const alone = !index.outputs.has(value) && index.readers(value).every((reader) => nodes.has(reader));
    return { value, channels: layers[0]!.rows, layers, alone };
  });
  return { groups, declined };
}
