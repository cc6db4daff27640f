/** What `verge inspect` shows: size, cost and structure of a model. */
import { opsetVersion, subgraphs } from './builder.js';
import { functionKey, nodeLabel } from './check/nodes.js';
import { inferTypes, valueTypes, type Claim } from './infer/index.js';
import { rowOf } from './infer/table.js';
import type { Dim, Graph, Model, Node, ValueInfo, ValueType } from './ir.js';
import { normalise, refuseRepaired, type Repair } from './normalise/index.js';
import { followAtSizes, type Followed } from './sizes.js';
import type { DataType } from './tensor.js';
import { typeText } from './type-text.js';
import { shapesOf, typeBytes } from './work/bytes.js';
import { workOf, type Unknown, type Work } from './work/inside.js';
import { storedNames, Weights } from './work/weights.js';

export interface ValueSummary {
  name: string;
  dtype: DataType | null;
  shape: readonly Dim[] | null;
  /** What it is where it is no tensor (`typeText`), say `seq(map(int64, float32))`. */
  type?: string;
}

export interface LayerSummary {
  name: string;
  op: string;
  /** Shape of the first output, symbolic sizes as assumed. */
  shape: readonly Dim[] | null;
  /** Elements of the weights that this node, or what runs inside of it, is the first to read. */
  parameters: number;
  weightBytes: number;
  /** Multiply-accumulate operations of one run, those inside of it among them; null when they are not known. */
  macs: number | null;
  /** What was counted, where a run may do something else, say 'the larger branch'. */
  note?: string;
}

export interface ModelSummary {
  name: string;
  irVersion: number;
  /** Operator-set version by domain, the default one as 'ai.onnx'. */
  opsets: Record<string, number>;
  producer: string;
  inputs: ValueSummary[];
  outputs: ValueSummary[];
  nodes: number;
  /** Nodes per operator, most frequent first. */
  operators: Record<string, number>;
  /**
   * Elements of all weights, those in branches, bodies and functions among them: of stored tensors but scalars and int64,
   * bool and string ones, which are not weights, and scales and zero points; of the coefficients, thresholds and leaves that
   * ai.onnx.ml keeps in attributes.
   */
  parameters: number;
  /** Bytes of all stored tensors, and of those attributes. */
  weightBytes: number;
  /**
   * Multiply-accumulates of one run: of an If those of the larger branch, of a loop those of its body times its trips. Null
   * when a layer's are not known.
   */
  macs: number | null;
  /** The same for one sample, where a run takes a fixed batch of them: the first size of the first input, if it has further ones. */
  macsPerSample: number | null;
  /**
   * Most bytes of inputs and intermediate values alive at once, running node by node, freeing each value after its last
   * use and reusing no buffer in place; null when a size is unknown. An estimate: executors reorder, fuse and reuse.
   */
  peakActivationBytes: number | null;
  /** Sizes assumed for symbolic dimensions. */
  assumed: Record<string, number>;
  /** What was repaired before anything else. */
  repairs: readonly Repair[];
  /** Declarations of the file that do not hold. */
  claims: readonly Claim[];
  metadata: Record<string, string>;
  layers: LayerSummary[];
  /** Nodes of which something above is not known, with the nodes around them in front, and why. */
  unknown: Unknown[];
}

function peakActivations(graph: Graph, stored: ReadonlySet<string>, types: Map<string, ValueType>): number | null {
  const lastUse = new Map<string, number>();
  const readsOf = (node: Node): string[] => [
    ...node.inputs,
    ...subgraphs(node).flatMap((sub) => sub.nodes.flatMap((inner) => readsOf(inner))),
  ];
  graph.nodes.forEach((node, i) => readsOf(node).forEach((name) => lastUse.set(name, i)));
  for (const { name } of graph.outputs) lastUse.set(name, Infinity);
  const live = new Map<string, number>();
  let alive = 0;
  const add = (name: string): boolean => {
    if (name === '' || stored.has(name) || live.has(name)) return true;
    const bytes = typeBytes(types.get(name));
    if (bytes === null) return false;
    live.set(name, bytes);
    alive += bytes;
    return true;
  };
  if (!graph.inputs.every(({ name }) => add(name))) return null;
  const freedAfter = graph.nodes.map((): string[] => []);
  for (const [name, i] of lastUse) freedAfter[i]?.push(name);
  graph.nodes.forEach((node, i) => {
    for (const name of node.outputs) if (!lastUse.has(name)) freedAfter[i]!.push(name);
  });
  let peak = alive;
  for (const [i, node] of graph.nodes.entries()) {
    if (!node.outputs.every(add)) return null;
    peak = Math.max(peak, alive);
    for (const name of freedAfter[i]!) {
      alive -= live.get(name) ?? 0;
      live.delete(name);
    }
  }
  return peak;
}

/** A value with its type as far as it is known. */
export function describeValue(name: string, type: ValueType | null): ValueSummary {
  if (type?.kind === 'tensor') return { name, dtype: type.dtype, shape: type.shape };
  const known = type !== null && type.kind !== 'unspecified';
  return { name, dtype: null, shape: null, ...(known && { type: typeText(type) }) };
}

const describe = ({ name, type }: ValueInfo): ValueSummary => describeValue(name, type);

function histogram(graph: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  const count = ({ nodes }: Graph): void => {
    for (const node of nodes) {
      counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
      subgraphs(node).forEach(count);
    }
  };
  count(graph);
  return Object.fromEntries([...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
}

const isKnown = (type: ValueType | undefined): boolean =>
  type !== undefined && (type.kind !== 'tensor' || (type.dtype !== null && isSized(type)));
const isSized = (type: ValueType): boolean =>
  type.kind !== 'tensor' || type.shape?.every((d) => typeof d === 'number') === true;

/** Why the types of what a node gives are not known, where it is the first of which they are not. */
function unknownOutput(node: Node, types: ReadonlyMap<string, ValueType>): string | null {
  const all = (names: readonly string[]): boolean => names.every((name) => name === '' || isKnown(types.get(name)));
  if (all(node.outputs) || !all(node.inputs)) return null;
  return rowOf(node.op, node.domain) || node.op === 'If'
    ? 'a size of what it gives is not known before a run'
    : `what ${node.domain ? `${node.domain}.` : ''}${node.op} gives is not known`;
}

function layersOf(
  { model: sized, watch, failures }: Followed,
  weights: Weights,
): { layers: LayerSummary[]; unknown: Unknown[] } {
  const types = valueTypes(sized.graph);
  const functions = new Set(sized.functions.map((f) => functionKey(f.domain, f.name, f.overload)));
  const around = { shape: shapesOf(types), watch, functions, path: '', label: '' };
  const unknown: Unknown[] = [];
  const layers = sized.graph.nodes
    .filter((node) => node.op !== 'Constant')
    .map((node): LayerSummary => {
      const failure = failures.get(node);
      const work: Work = failure ? { macs: null, unknown: [] } : workOf(node, around);
      const reason = failure ?? (work.unknown.length === 0 ? unknownOutput(node, types) : null);
      unknown.push(...work.unknown, ...(reason === null ? [] : [{ node: nodeLabel(node), reason }]));
      const type = types.get(node.outputs.find((o) => o !== '') ?? '');
      const { parameters, bytes } = weights.of(node);
      return {
        name: node.name || (node.outputs[0] ?? ''),
        op: node.op,
        shape: type?.kind === 'tensor' ? type.shape : null,
        parameters,
        weightBytes: bytes,
        macs: work.macs,
        ...(work.note !== undefined && { note: work.note }),
      };
    });
  return { layers, unknown };
}

/**
 * Samples that one run takes: the first size of the first input where it is fixed. An input of one axis has no batch, unless the sample
 * is a single number.
 * @param sample shape of one, without the batch axis, where it is known
 */
export function batchOf([main]: readonly ValueInfo[], sample?: readonly number[]): number {
  const declared = main?.type?.kind === 'tensor' ? main.type.shape : null;
  if (!declared) return 1;
  const rank = sample?.length ?? Math.max(1, declared.length - 1);
  const [first] = declared;
  return declared.length === rank + 1 && typeof first === 'number' && first > 0 ? first : 1;
}

/**
 * Describes a model. A node whose sizes cannot be found leaves its own numbers and the sums open, and is in `unknown`.
 * @param dims sizes of symbolic dimensions; 1 for those not named
 * @param options `strict` refuses a model that breaks a rule or declares what does not hold, instead of repairing it
 * @throws OnnxError `illegal-model`, `too-large` and `too-deep` as `inferShapes`; `LegalityError` with `strict`
 */
export function summarize(
  file: Model,
  dims: Readonly<Record<string, number>> = {},
  options: { strict?: boolean } = {},
): ModelSummary {
  const { model, repairs } = normalise(file);
  const { model: open, claims } = inferTypes(model, { onFailure: () => undefined });
  if (options.strict) refuseRepaired(repairs, claims);
  const found = followAtSizes(model, dims);
  const { graph } = found.model;
  const weights = new Weights(model);
  const { layers, unknown } = layersOf(found, weights);
  const given = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  const macs = layers.some((l) => l.macs === null) ? null : layers.reduce((sum, l) => sum + l.macs!, 0);
  return {
    name: graph.name,
    irVersion: model.irVersion,
    opsets: { 'ai.onnx': opsetVersion(model) ?? 1, ...Object.fromEntries([...model.opsets].filter(([d]) => d !== '')) },
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    inputs: given.map(describe),
    outputs: open.graph.outputs.map(describe),
    nodes: graph.nodes.length,
    operators: histogram(graph),
    parameters: weights.total.parameters,
    weightBytes: weights.total.bytes,
    macs,
    macsPerSample: macs === null ? null : Math.round(macs / batchOf(given)),
    peakActivationBytes: peakActivations(graph, storedNames(graph), valueTypes(graph)),
    assumed: found.assumed,
    repairs,
    claims,
    metadata: Object.fromEntries(model.metadata),
    layers,
    unknown,
  };
}
