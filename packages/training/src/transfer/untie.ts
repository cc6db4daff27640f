/**
 * Separates parameters that a file stores as one. Exporters store equal values once: torch.onnx writes the second as an
 * Identity of the first, optimisers let both layers read the same initializer. To inference that is one constant; training it
 * as one would move two layers in step, and nobody would see it.
 *
 * What is separated, and why:
 * - Every Identity of an initializer becomes a parameter. torch.onnx walks parameters by object, so one that two layers share is
 *   read by both directly; the Identity appears only where two different parameters happened to be equal.
 * - An initializer that is read directly by several nodes is one parameter, since that is how true tying is written (an
 *   embedding that is also the output projection, branches of a siamese network) - except where all its elements are the
 *   same. Those are the fresh biases and scales that optimisers merge; they belong to the layers whose weights tell them apart
 *   (layers-apart.ts). A weight itself stays tied whatever its values are.
 * - A weight that modules share which differ in nothing but their number in a list (`layers.0.linear1` and `layers.1.linear1`,
 *   modules.ts) is one for each: exporters that optimise merge copied layers, weights and all.
 * - A constant that is read as a running statistic and as a parameter is two: only one of them moves by gradients.
 * Copied layers that were merged by a tool which leaves no module names look like true tying. They stay as they are and are
 * named as shared; `asked` separates them.
 */
import {
  isDefaultDomain,
  readsOf,
  renameReads,
  subgraphs,
  type Graph,
  type Node,
  type StoredTensor,
} from '@verge/onnx';
import { floatsOf, qualified, roleAt } from '../parameters.js';
import { isUniform, Layers, readsStatistic, type Read } from './layers-apart.js';
import { areNumbered, byModule } from './modules.js';
import { isHalf, widenHalf, type HalfTensor } from './stored-types.js';

/** A parameter that was made out of another. */
export interface Untied {
  readonly name: string;
  /** The initializer that held its values. */
  readonly from: string;
  readonly because: 'identity' | 'copied layers' | 'equal values' | 'statistic' | 'asked for';
}

export interface UntieResult {
  readonly graph: Graph;
  readonly untied: readonly Untied[];
}

const isIdentity = (n: Node): boolean => n.op === 'Identity' && isDefaultDomain(n.domain);

/** The numbers of a constant of floats or halves. */
function numbersOf(stored: StoredTensor | undefined): Float32Array | undefined {
  const value = stored?.value;
  return value && 'data' in value && isHalf(value.dtype) ? widenHalf(value as HalfTensor).data : floatsOf(stored);
}

/** Scalars are factors and bounds: nothing that is trained is lost when they are shared. */
const mayMove = (stored: StoredTensor | undefined): boolean =>
  stored !== undefined &&
  'data' in stored.value &&
  (stored.value.dtype === 'float32' || isHalf(stored.value.dtype)) &&
  stored.value.dims.length > 0;

/** Each Identity of an initializer as an initializer of its own. */
function untieIdentities(graph: Graph): UntieResult {
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const roots = new Map<string, string>();
  const aliases = new Map<string, string[]>();
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    const [from, to] = [node.inputs[0]!, node.outputs[0]!];
    const root = roots.get(from) ?? from;
    if (!isIdentity(node) || !mayMove(graph.initializers.get(root)) || outputs.has(to)) continue;
    roots.set(to, root);
    aliases.set(root, [...(aliases.get(root) ?? []), to]);
    gone.add(node);
  }
  if (gone.size === 0) return { graph, untied: [] };
  const kept = graph.nodes.filter((n) => !gone.has(n));
  const read = new Set([...kept.flatMap((n) => [...readsOf(n)]), ...outputs]);
  const initializers = new Map(graph.initializers);
  const renamed = new Map<string, string>();
  const untied: Untied[] = [];
  for (const [root, names] of aliases) {
    const live = names.filter((name) => read.has(name));
    // Where nobody else reads the initializer its first reader has it, under the name that it was stored under.
    if (!read.has(root) && live.length > 0) renamed.set(live.shift()!, root);
    for (const name of live) {
      initializers.set(name, { ...initializers.get(root)!, name });
      untied.push({ name, from: root, because: 'identity' });
    }
  }
  const nodes = kept.map((n) => renameReads(n, renamed));
  return { graph: { ...graph, nodes, initializers }, untied };
}

/** The reads of each constant; those from inside branches and loop bodies are not told apart. */
function readsByName(graph: Graph): Map<string, Read[]> {
  const found = new Map<string, Read[]>();
  for (const node of graph.nodes)
    node.inputs.forEach((name, index) => {
      if (graph.initializers.has(name)) found.set(name, [...(found.get(name) ?? []), { node, index }]);
    });
  for (const { name } of graph.outputs) found.delete(name);
  for (const node of graph.nodes) if (subgraphs(node).length > 0) for (const name of readsOf(node)) found.delete(name);
  return found;
}

const ARITHMETIC: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** Whether a read is one of a parameter: where operators have some, and in arithmetic, which normalisation in parts is. */
function readsParameter({ node, index }: Read, elements: number): boolean {
  return roleAt(node, index) !== undefined || (elements > 1 && ARITHMETIC.has(qualified(node)));
}

/** A weight is what tells layers apart, so one that is read by two of them is tied whatever its values are. */
const readsWeight = ({ node, index }: Read): boolean => roleAt(node, index) === 'weight';

interface Group {
  readonly group: readonly Read[];
  readonly because: Untied['because'];
}

/** The groups of reads that each need a constant of their own; the first keeps the name. */
type Split = (name: string, reads: readonly Read[], values: Float32Array) => readonly Group[];

const splitAsked =
  (asked: (name: string) => boolean): Split =>
  (name, reads) =>
    asked(name) ? reads.map((r) => ({ group: [r], because: 'asked for' })) : [];

/** Weights that numbered modules have in common. */
const splitModules: Split = (_name, reads) =>
  areNumbered(reads.map((r) => r.node)) ? byModule(reads).map((group) => ({ group, because: 'copied layers' })) : [];

/** Biases, scales and statistics whose elements are all the same, by the layers that read them. */
const splitLayers =
  (graph: Graph): Split =>
  (_name, reads, values) => {
    const layers = new Layers(graph);
    const statistics = reads.filter(readsStatistic);
    const moving = reads.filter((r) => readsParameter(r, values.length));
    const rest = reads.filter((r) => !statistics.includes(r) && !moving.includes(r));
    const uniform = isUniform(values) && !reads.some(readsWeight);
    const split = (list: readonly Read[], because: Untied['because']): Group[] =>
      (uniform ? layers.apart(list) : [list]).map((group) => ({ group, because }));
    // A weight that one layer reads through a Transpose and another as it is is tied; equal zeros are not.
    const groups: Group[] = [
      ...split(uniform ? moving : [...moving, ...rest], 'equal values'),
      ...split(statistics, 'statistic'),
      { group: uniform ? rest : [], because: 'equal values' },
    ];
    return groups.filter(({ group }) => group.length > 0);
  };

/** Gives each group of reads a constant of its own. */
function untieReads(graph: Graph, split: Split): UntieResult {
  const initializers = new Map(graph.initializers);
  const inputs = new Map<Node, string[]>();
  const untied: Untied[] = [];
  const taken = new Set([...initializers.keys(), ...graph.nodes.flatMap((n) => n.outputs)]);
  const nameOf = (name: string): string => {
    let count = 1;
    while (taken.has(`${name}.${count}`)) count++;
    taken.add(`${name}.${count}`);
    return `${name}.${count}`;
  };
  for (const [name, reads] of readsByName(graph)) {
    const stored = graph.initializers.get(name)!;
    if (reads.length === 1 || !mayMove(stored)) continue;
    for (const { group, because } of split(name, reads, numbersOf(stored)!).slice(1)) {
      const own = nameOf(name);
      initializers.set(own, { ...stored, name: own });
      untied.push({ name: own, from: name, because });
      for (const { node, index } of group) inputs.set(node, (inputs.get(node) ?? [...node.inputs]).with(index, own));
    }
  }
  if (untied.length === 0) return { graph, untied };
  const nodes = graph.nodes.map((n) => (inputs.has(n) ? { ...n, inputs: inputs.get(n)! } : n));
  return { graph: { ...graph, nodes, initializers }, untied };
}

/**
 * @param asked initializers whose every reader gets a parameter of its own, true tying or not
 * @returns the same function with one initializer for each parameter, and what was separated; the very graph where nothing was
 */
export function untie(given: Graph, asked: (name: string) => boolean = () => false): UntieResult {
  const identities = untieIdentities(given);
  const modules = untieReads(identities.graph, splitModules);
  const layers = untieReads(modules.graph, splitLayers(modules.graph));
  const last = untieReads(layers.graph, splitAsked(asked));
  const untied = [identities, modules, layers, last].flatMap((step) => step.untied);
  return { graph: last.graph, untied };
}

/** Parameters among `names` that several nodes read, with how many. */
export function sharedBy(graph: Graph, names: Iterable<string>): Map<string, number> {
  const wanted = new Set(names);
  const counts = new Map<string, number>();
  for (const node of graph.nodes)
    for (const name of readsOf(node)) if (wanted.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count > 1));
}
