/** Where the nodes of a lineage stand: a column for each step from the origins, rows ordered by where their parents stand. */
import type { Lineage } from '@verge/contracts';

export const NODE = { width: 142, height: 46, gapX: 38, gapY: 16 } as const;

export interface Placed {
  node: Lineage['nodes'][number];
  x: number;
  y: number;
}

export interface Layout {
  nodes: readonly Placed[];
  edges: readonly { from: Placed; to: Placed; role: string }[];
  width: number;
  height: number;
}

/** The longest way from an origin to each node; a cycle, which a lineage has not, would end the search. */
function columnsOf(lineage: Lineage): Map<string, number> {
  const column = new Map(lineage.nodes.map((node) => [node.id, 0]));
  for (let round = 0; round < lineage.nodes.length; round += 1) {
    let moved = false;
    for (const { from, to } of lineage.edges) {
      const start = column.get(from);
      const end = column.get(to);
      if (start === undefined || end === undefined || end > start) continue;
      column.set(to, start + 1);
      moved = true;
    }
    if (!moved) break;
  }
  return column;
}

export function layoutOf(lineage: Lineage): Layout {
  const column = columnsOf(lineage);
  const count = Math.max(0, ...column.values()) + 1;
  const row = new Map<string, number>();
  const columns = Array.from({ length: count }, (_, index) =>
    lineage.nodes.filter((node) => column.get(node.id) === index),
  );
  for (const nodes of columns) {
    const pull = (id: string): number => {
      const parents = lineage.edges.filter((edge) => edge.to === id).map((edge) => row.get(edge.from) ?? 0);
      return parents.length === 0 ? 0 : parents.reduce((a, b) => a + b, 0) / parents.length;
    };
    nodes.sort((a, b) => pull(a.id) - pull(b.id));
    nodes.forEach((node, index) => row.set(node.id, index));
  }
  const tallest = Math.max(1, ...columns.map((nodes) => nodes.length));
  const step = NODE.height + NODE.gapY;
  const placed = new Map<string, Placed>();
  columns.forEach((nodes, index) => {
    const top = ((tallest - nodes.length) * step) / 2;
    nodes.forEach((node, at) =>
      placed.set(node.id, { node, x: index * (NODE.width + NODE.gapX) + 2, y: top + at * step + 2 }),
    );
  });
  const edges = lineage.edges.flatMap(({ from, to, role }) => {
    const a = placed.get(from);
    const b = placed.get(to);
    return a && b ? [{ from: a, to: b, role }] : [];
  });
  return {
    nodes: [...placed.values()],
    edges,
    width: count * (NODE.width + NODE.gapX) - NODE.gapX + 4,
    height: tallest * step - NODE.gapY + 4,
  };
}
