/** Where each node of a graph is drawn, and along which lines its values run. */
import dagre, { type GraphLabel } from '@dagrejs/dagre';
import { type Graph, type ModelSummary, subgraphs, type ValueType, valueTypes } from '@verge/onnx';
import { type Kind, kindOf } from './graph-kinds.js';

/** Nodes drawn at most: beyond, layout takes long and nobody finds anything in the picture. */
export const MOST_NODES = 400;

export interface DrawnNode {
  readonly title: string;
  readonly line: string;
  readonly kind: Kind;
  /** All that is known, one fact a line. */
  readonly facts: readonly string[];
  /** Middle, width and height in pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface DrawnEdge {
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly label: string;
  /** Where the label's middle is. */
  readonly x: number;
  readonly y: number;
  readonly value: string;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
  /** Nodes of the graph that are not drawn, Constants left out. */
  readonly left: number;
}

type Size = { width: number; height: number };
type Described = Omit<DrawnNode, 'x' | 'y' | 'width' | 'height'>;

const count = (n: number): string => n.toLocaleString('en');
const shapeText = (type: ValueType | undefined): string =>
  type?.kind === 'tensor' && type.shape ? type.shape.map((d) => d ?? '?').join('×') || 'scalar' : '';

/** Numbers as a person says them: 3.5 M. */
export function short(n: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (n >= size) return `${Number((n / size).toPrecision(3))} ${unit}`;
  }
  return String(n);
}

/** Widths of the fonts used, near enough for boxes: 7 px a character of 12 px, 6 px of 10 px. */
const boxOf = ({ title, line }: Described): Size => ({
  width: Math.max(84, title.length * 7.4 + 24, line.length * 5.9 + 20),
  height: line ? 40 : 28,
});

function describeNodes(graph: Graph, summary: ModelSummary, types: ReadonlyMap<string, ValueType>): Described[] {
  return graph.nodes.map((node, i): Described => {
    const layer = summary.layers[i];
    const inputs = node.inputs.filter((name) => name !== '');
    const work = [
      layer && layer.parameters > 0 ? `${short(layer.parameters)} params` : '',
      layer?.macs ? `${short(layer.macs)} MACs` : '',
    ].filter(Boolean);
    const inside = subgraphs(node).reduce((n, sub) => n + sub.nodes.length, 0);
    return {
      title: node.op,
      line: work.join(' · ') || (inside > 0 ? `${inside} nodes inside` : ''),
      kind: kindOf(node.op),
      facts: [
        `${node.op}${node.name ? ` "${node.name}"` : ''}`,
        ...inputs.map((name) => `in ${name} ${shapeText(types.get(name)) || '?'}`),
        ...node.outputs.filter(Boolean).map((name) => `out ${name} ${shapeText(types.get(name)) || '?'}`),
        `parameters ${count(layer?.parameters ?? 0)}`,
        `MACs ${layer?.macs === null ? 'not known' : count(layer?.macs ?? 0)}`,
      ],
    };
  });
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly value: string;
}

/** Names that a node reads, those that its subgraphs take from outside included. */
function reads(node: Graph['nodes'][number]): string[] {
  const inner = subgraphs(node).flatMap((sub) => [...sub.nodes.flatMap(reads), ...sub.outputs.map((o) => o.name)]);
  return [...node.inputs, ...inner];
}

function edgesOf(graph: Graph, shown: number): Edge[] {
  const source = new Map<string, string>();
  for (const { name } of graph.inputs) if (!graph.initializers.has(name)) source.set(name, `in ${name}`);
  const edges: Edge[] = [];
  graph.nodes.slice(0, shown).forEach((node, i) => {
    for (const value of new Set(reads(node))) {
      const from = source.get(value);
      if (from !== undefined) edges.push({ from, to: String(i), value });
    }
    for (const name of node.outputs) if (name !== '') source.set(name, String(i));
  });
  for (const { name } of graph.outputs) {
    const from = source.get(name);
    if (from !== undefined) edges.push({ from, to: `out ${name}`, value: name });
  }
  return edges;
}

/** Inputs and outputs of the graph as boxes of their own, by their key in the layout; those of `left` nodes not. */
function endsOf(
  graph: Graph,
  edges: readonly Edge[],
  types: ReadonlyMap<string, ValueType>,
  left: number,
): Map<string, Described> {
  const ends = new Map<string, Described>();
  const used = new Set(edges.flatMap((e) => [e.from, e.to]));
  const put = (key: string, what: string, name: string): void => {
    if (left > 0 && !used.has(key)) return;
    const type = types.get(name);
    const dtype = type?.kind === 'tensor' ? (type.dtype ?? '') : '';
    const line = [dtype, shapeText(type)].filter(Boolean).join(' ');
    ends.set(key, { title: name, line, kind: 'end', facts: [`${what} ${name}`, line] });
  };
  for (const { name } of graph.inputs) if (!graph.initializers.has(name)) put(`in ${name}`, 'input', name);
  for (const { name } of graph.outputs) put(`out ${name}`, 'output', name);
  return ends;
}

/**
 * Lays the graph out from top to bottom. A graph of more than `MOST_NODES` nodes is drawn up to there, and says how
 * many are left.
 * @param graph with the types of `inferShapes`
 */
export function drawGraph(graph: Graph, summary: ModelSummary): Drawing {
  const types = valueTypes(graph);
  // A Constant is a weight like an initializer: the node that reads it names it.
  const all: Graph = { ...graph, nodes: graph.nodes.filter((node) => node.op !== 'Constant') };
  const shown = Math.min(all.nodes.length, MOST_NODES);
  const edges = edgesOf(all, shown);
  const boxes = endsOf(all, edges, types, all.nodes.length - shown);
  describeNodes(all, summary, types)
    .slice(0, shown)
    .forEach((node, i) => boxes.set(String(i), node));
  const layout = new dagre.graphlib.Graph<GraphLabel, Size & { x: number; y: number }>({ multigraph: true });
  layout.setGraph({ rankdir: 'TB', nodesep: 28, edgesep: 14, ranksep: 30, marginx: 16, marginy: 16 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const [key, box] of boxes) layout.setNode(key, { ...boxOf(box), x: 0, y: 0 });
  for (const { from, to, value } of edges) {
    const text = shapeText(types.get(value));
    layout.setEdge(from, to, { width: text.length * 5.6 + 8, height: 12, labelpos: 'r', labeloffset: 7 }, value);
  }
  dagre.layout(layout);
  const { width = 0, height = 0 } = layout.graph();
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: [...boxes].map(([key, box]) => ({ ...box, ...layout.node(key) })),
    edges: edges.map(({ from, to, value }) => {
      const { points = [], x = 0, y = 0 } = layout.edge(from, to, value);
      return { points, x, y, label: shapeText(types.get(value)), value };
    }),
    left: all.nodes.length - shown,
  };
}
