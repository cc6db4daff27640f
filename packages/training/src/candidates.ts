/**
 * Constants that could be trained though no layer names them: class tokens, position embeddings, layer scales, normalisation
 * in parts, weights behind arithmetic on constants. Any float constant from which a gradient reaches the output is one; what
 * is none in all likelihood (a mask, a table of sines, the mean of the pixels) is left out with the reason, and moves when
 * it is asked for.
 */
import { readsOf, subgraphs, type Graph, type Node } from '@verge/onnx';
import { obstacle } from './backward.js';
import { FAKE_QUANTIZE } from './gradients/fake-quantize.js';
import { gradientRow } from './gradients/table.js';
import { flat } from './gradients/elementwise.js';
import { floatsOf, groupsInParts, qualified, roleAt, type ParameterRole } from './roles.js';
import { likeness } from './tables.js';

export interface Candidate {
  readonly role: ParameterRole;
  /** Whether a gradient reaches it, so that it can be trained. */
  readonly possible: boolean;
  /** Why it stays as it is; empty where it moves. */
  readonly why: string;
}

/** Inputs through which gradients flow, where not through all of float type. */
const CARRYING: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [0, 1, 2],
  Clip: [0],
  Dropout: [0],
  Gather: [0],
  OneHot: [],
  Pad: [0],
  Resize: [0],
  RotaryEmbedding: [0],
  TopK: [0],
  'com.microsoft.EmbedLayerNormalization': [2, 3, 4, 5, 6],
  'com.microsoft.MatMulNBits': [0, 5],
  'com.microsoft.RotaryEmbedding': [0],
};

const QUANTISING: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear', FAKE_QUANTIZE]);

/** Inputs that are settings rather than parameters, though a gradient reaches them. */
function settingAt({ op }: Node, index: number): string | undefined {
  if (op === 'Pow' && index === 1) return 'an exponent';
  if (op === 'Max' || op === 'Min') return 'a bound';
  if (QUANTISING.has(op) && index === 1) return 'a scale of quantisation';
  if ((op === 'LSTM' || op === 'GRU' || op === 'RNN') && (index === 5 || index === 6)) return 'an initial state';
  return undefined;
}

function carries(node: Node, index: number): boolean {
  const entry = gradientRow(node.domain, node.op);
  if (!entry || entry === flat || obstacle(node) !== undefined) return false;
  return CARRYING[qualified(node)]?.includes(index) ?? true;
}

interface Flow {
  /** Values from which a gradient reaches an output. */
  readonly live: ReadonlySet<string>;
  /** Values on whose way to the output a node without a gradient stands, with that node. */
  readonly blocked: ReadonlyMap<string, string>;
}

/** Values that the graphs inside a node read from outside. */
function capturedBy(node: Node): string[] {
  if (subgraphs(node).length === 0) return [];
  return [...readsOf(node)].filter((name) => !node.inputs.includes(name));
}

/** @param graph with the outputs that are trained, and no others */
export function flowOf(graph: Graph): Flow {
  const needed = new Set(graph.outputs.map((o) => o.name));
  const live = new Set(needed);
  const blocked = new Map<string, string>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((o) => needed.has(o))) continue;
    const why = obstacle(node) ?? node.outputs.map((o) => blocked.get(o)).find((w) => w !== undefined);
    const reached = node.outputs.some((o) => live.has(o));
    for (const name of capturedBy(node)) {
      needed.add(name);
      if (why !== undefined) blocked.set(name, why);
    }
    node.inputs.forEach((input, i) => {
      if (input === '') return;
      needed.add(input);
      if (reached && carries(node, i)) live.add(input);
      if (why !== undefined) blocked.set(input, why);
    });
  }
  return { live, blocked };
}

/** Values that depend on no input of the graph. */
export function constantValues(graph: Graph): Set<string> {
  const constant = new Set(graph.initializers.keys());
  for (const node of graph.nodes)
    if (node.inputs.every((i) => i === '' || constant.has(i))) node.outputs.forEach((o) => constant.add(o));
  return constant;
}

/** Operators that hand their first input on as it is, element by element or rearranged. */
const ARRANGING: ReadonlySet<string> = new Set(
  'Cast Clip Concat Expand Flatten Identity Pad Reshape Resize Slice Split Squeeze Transpose Unsqueeze'.split(' '),
);

const ARITHMETIC: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** Values that are the input itself, rearranged, shifted and scaled by constants. */
function rawValues(graph: Graph, constant: ReadonlySet<string>): Set<string> {
  const raw = new Set(graph.inputs.map((i) => i.name).filter((name) => !graph.initializers.has(name)));
  for (const node of graph.nodes) {
    const known = node.inputs.every((i) => i === '' || raw.has(i) || constant.has(i));
    if (!known || !node.inputs.some((i) => raw.has(i))) continue;
    if (ARRANGING.has(node.op) || ARITHMETIC.has(node.op)) node.outputs.forEach((o) => raw.add(o));
  }
  return raw;
}

/** Roles of constants by what reads them, also through other arithmetic on constants; sums shift, all else scales. */
function rolesOf(graph: Graph, constant: ReadonlySet<string>): Map<string, ParameterRole> {
  const roles = new Map<string, ParameterRole>();
  for (const node of graph.nodes.toReversed())
    node.inputs.forEach((input, i) => {
      if (!constant.has(input) || roles.has(input)) return;
      const inherited = node.outputs.map((o) => roles.get(o)).find((r) => r !== undefined);
      const plain = node.op === 'Mul' || node.op === 'Div' ? 'scale' : 'shift';
      roles.set(input, roleAt(node, i) ?? inherited ?? plain);
    });
  return roles;
}

/** What the nodes that read a constant say about it. */
function reasonAt(
  node: Node,
  index: number,
  dims: readonly number[],
  { raw, grouped }: { readonly raw: ReadonlySet<string>; readonly grouped: ReadonlySet<Node> },
): string | undefined {
  const setting = grouped.has(node) ? 'the 1 or 0 inside a GroupNormalization in parts' : settingAt(node, index);
  if (setting) return setting;
  if (!ARITHMETIC.has(node.op) || !raw.has(node.inputs[1 - index] ?? '')) return undefined;
  // What is added to the input and differs by more than the channel is a position embedding.
  const wide = dims.filter((d) => d > 1).length;
  return node.op === 'Add' && wide > 1 ? undefined : 'it shifts or scales the input before any layer';
}

/**
 * Every float32 constant of more than one element that no layer names.
 * @param graph with the outputs that are trained, and no others
 * @param known parameters of layers
 */
export function classify(graph: Graph, known: ReadonlyMap<string, ParameterRole>): Map<string, Candidate> {
  const names = [...graph.initializers]
    .filter(([name, stored]) => !known.has(name) && (floatsOf(stored)?.length ?? 0) > 1 && !name.startsWith('lifted.'))
    .map(([name]) => name);
  const found = new Map<string, Candidate>();
  if (names.length === 0) return found;
  const { live, blocked } = flowOf(graph);
  const constant = constantValues(graph);
  const around = { raw: rawValues(graph, constant), grouped: groupsInParts(graph) };
  const roles = rolesOf(graph, constant);
  const reads = new Map<string, [Node, number][]>();
  for (const node of graph.nodes) {
    const read = (name: string, i: number): unknown => reads.set(name, [...(reads.get(name) ?? []), [node, i]]);
    node.inputs.forEach(read);
    for (const name of capturedBy(node)) read(name, -1);
  }
  for (const name of names) {
    const { value } = graph.initializers.get(name)!;
    const role = roles.get(name) ?? 'shift';
    const by = reads.get(name) ?? [];
    const why = ((): string => {
      if (by.length === 0) return 'nothing reads it';
      const obstacle = blocked.get(name);
      if (obstacle !== undefined) return `no gradient is known for ${obstacle}`;
      if (!live.has(name)) return `no gradient reaches it (${[...new Set(by.map(([n]) => n.op))].join(', ')})`;
      const reason = by.map(([node, i]) => reasonAt(node, i, value.dims, around)).find((r) => r !== undefined);
      return reason ?? likeness(value.dims, floatsOf(graph.initializers.get(name))!) ?? '';
    })();
    const possible = by.length > 0 && !blocked.has(name) && live.has(name);
    found.set(name, { role, possible, why });
  }
  return found;
}
