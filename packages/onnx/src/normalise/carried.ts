/**
 * A model whose inputs and outputs an executor's binding can hand over: dense tensors of types that JavaScript has a
 * place for. What is computed inside stays the same, number for number.
 *
 * - Classifier outputs lose their ZipMap (see without-zipmap.ts).
 * - An output that is a sequence of tensors becomes three: the elements of all tensors one after the other under its own
 *   name, their sizes under `NAME.sizes`, and their ranks under `NAME.ranks`. Nothing of the sequence is lost.
 * - bfloat16 inputs and outputs become float32 with a Cast beside them; every bfloat16 number is a float32 number.
 */
import { int } from '../attributes.js';
import { collectNames, GraphBuilder, opsetVersion } from '../builder.js';
import { DATA_TYPES } from '../datatypes.js';
import type { DataType } from '../tensor.js';
import type { Graph, Model, Node, StoredTensor, ValueInfo } from '../ir.js';
import { renameReads } from '../rewrite/edit.js';
import { flattenSequence } from './flatten-sequence.js';
import { withoutZipMap } from './without-zipmap.js';

export type EdgeChange =
  /** The output was a sequence of maps from class to score and is the scores, float32 [N, classes]. */
  | { readonly kind: 'zipmap'; readonly output: string; readonly labels: readonly string[] }
  /** The output was a sequence of tensors and is their elements, sizes and ranks. */
  | { readonly kind: 'sequence'; readonly output: string; readonly parts: readonly string[] }
  /** The input or output was bfloat16 and is float32. */
  | { readonly kind: 'bfloat16'; readonly side: 'input' | 'output'; readonly name: string };

/** A change in words, for a report. */
export function describeEdgeChange(change: EdgeChange): string {
  if (change.kind === 'zipmap')
    return `output '${change.output}' is run without ZipMap: scores, a column for each of the classes ${change.labels.join(', ')}`;
  if (change.kind === 'sequence')
    return `output '${change.output}' is a sequence of tensors: its elements, sizes and ranks are ${change.parts.join(', ')}`;
  return `${change.side} '${change.name}' is bfloat16 and is handed over as float32`;
}

/** Edits at the edges of one graph, gathered and then made at once. */
class Edges {
  readonly changes: EdgeChange[] = [];
  readonly #names = new Map<string, string>();
  readonly #infos = new Map<string, ValueInfo[]>();
  readonly #before: Node[] = [];
  readonly #after: Node[] = [];
  readonly #initializers: StoredTensor[] = [];
  readonly #fresh: (stem: string) => string;

  constructor(private readonly graph: Graph) {
    const names = new GraphBuilder(undefined, collectNames(graph));
    this.#fresh = (stem) => names.fresh(stem);
  }

  /** The name that the value has inside, where the edge takes its own. */
  #inner(name: string, stem: string): string {
    const inner = this.#names.get(name) ?? this.#fresh(`${name}.${stem}`);
    this.#names.set(name, inner);
    return inner;
  }

  #cast(from: string, to: string, type: DataType): Node {
    const attributes = new Map([['to', int(DATA_TYPES[type].code)]]);
    return { op: 'Cast', domain: '', name: this.#fresh(`${to}.cast`), inputs: [from], outputs: [to], attributes };
  }

  asFloat32(info: ValueInfo, side: 'input' | 'output'): void {
    if (info.type?.kind !== 'tensor') return;
    const { name } = info;
    const inner = this.#inner(name, 'bfloat16');
    if (side === 'input') this.#before.push(this.#cast(name, inner, 'bfloat16'));
    else this.#after.push(this.#cast(inner, name, 'float32'));
    this.#infos.set(name, [{ ...info, type: { ...info.type, dtype: 'float32' } }]);
    this.changes.push({ kind: 'bfloat16', side, name });
  }

  flattened(name: string, dtype: DataType): void {
    const parts = [name, this.#fresh(`${name}.sizes`), this.#fresh(`${name}.ranks`)];
    const { nodes, initializers } = flattenSequence(this.#inner(name, 'sequence'), dtype, parts, this.#fresh);
    this.#after.push(...nodes);
    this.#initializers.push(...initializers);
    const type = (i: number): DataType => (i === 0 ? dtype : 'int64');
    this.#infos.set(
      name,
      parts.map((part, i) => ({ name: part, type: { kind: 'tensor', dtype: type(i), shape: [null] } })),
    );
    this.changes.push({ kind: 'sequence', output: name, parts });
  }

  made(): Graph {
    const { graph } = this;
    const infos = (list: readonly ValueInfo[]): ValueInfo[] => list.flatMap((i) => this.#infos.get(i.name) ?? [i]);
    const nodes = graph.nodes.map((node) => ({
      ...renameReads(node, this.#names),
      outputs: node.outputs.map((output) => this.#names.get(output) ?? output),
    }));
    return {
      ...graph,
      inputs: infos(graph.inputs),
      outputs: infos(graph.outputs),
      nodes: [...this.#before, ...nodes, ...this.#after],
      initializers: new Map([...graph.initializers, ...this.#initializers.map((t) => [t.name, t] as const)]),
      values: new Map([...graph.values].filter(([name]) => !this.#names.has(name))),
    };
  }
}

const isBfloat16 = ({ type }: ValueInfo): boolean => type?.kind === 'tensor' && type.dtype === 'bfloat16';

/**
 * @param model may hold its tensors in files beside it
 * @returns the model itself where nothing has to change. What cannot be handed over even so (maps that no ZipMap at the
 *   end makes, sequences of sequences, optional values, inputs that are no tensors) stays, for the executor to refuse.
 */
export function carriedForm(model: Model): { model: Model; changes: readonly EdgeChange[] } {
  const zipped = withoutZipMap(model);
  const { graph } = zipped.model;
  const edges = new Edges(graph);
  edges.changes.push(...zipped.removed.map((one) => ({ kind: 'zipmap' as const, ...one })));
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const info of graph.inputs) {
    if (isBfloat16(info) && !graph.initializers.has(info.name)) edges.asFloat32(info, 'input');
  }
  // Sequences, and loops whose values grow, are known from opset 11 on.
  const loops = (opsetVersion(zipped.model) ?? 0) >= 11;
  for (const info of graph.outputs) {
    if (!made.has(info.name)) continue;
    if (isBfloat16(info)) edges.asFloat32(info, 'output');
    const element = info.type?.kind === 'sequence' ? info.type.element : null;
    if (loops && element?.kind === 'tensor' && element.dtype) edges.flattened(info.name, element.dtype);
  }
  if (edges.changes.length === zipped.removed.length) return { model: zipped.model, changes: edges.changes };
  return { model: { ...zipped.model, graph: edges.made() }, changes: edges.changes };
}
