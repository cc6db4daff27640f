import type { Lineage } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { layoutOf, NODE } from './lineage-layout.js';

const lineage = (ids: string, edges: readonly string[]): Lineage => ({
  nodes: [...ids].map((id) => ({ id, kind: 'version', name: id, detail: {} })),
  edges: edges.map((edge) => ({ from: edge[0] ?? '', to: edge[1] ?? '', role: '' })),
  goesOn: false,
});
const columnOf = (x: number): number => Math.round(x / (NODE.width + NODE.gapX));

describe('layoutOf', () => {
  it('puts every node right of all it was made from, by the longest way', () => {
    const { nodes } = layoutOf(lineage('dcba', ['ab', 'bc', 'ac', 'cd']));
    expect(nodes.map(({ node, x }) => [node.id, columnOf(x)]).sort()).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
      ['d', 3],
    ]);
  });

  it('never draws two nodes over each other', () => {
    const { nodes } = layoutOf(lineage('abcdef', ['ab', 'ac', 'ad', 'be', 'cf', 'df']));
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(6);
  });

  it('leaves out edges to what is not there, and ends on a cycle', () => {
    expect(layoutOf(lineage('a', ['ax'])).edges).toEqual([]);
    expect(layoutOf(lineage('ab', ['ab', 'ba'])).nodes).toHaveLength(2);
  });
});
