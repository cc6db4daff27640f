/**
 * The source model with removed channels masked instead of cut: wherever channels are added up, those that go count as nothing. It
 * keeps every size, and no weight of it moves, so it tells whether cutting took away what it should have.
 */
import {
  bfloat16Bits,
  float16Bits,
  ints,
  int64,
  type Attribute,
  type DataType,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { cloneModel } from '../../graph/index-of-values.js';
import type { Dependencies } from '../../graph/dependencies.js';
import type { Removal } from '../../graph/surgery.js';
import type { Sink } from '../../graph/walk.js';

/** Floats of any width; beyond the largest number of a type stands that number. */
function floats(dtype: DataType, dims: readonly number[], values: readonly number[]): Tensor {
  const within = (most: number): number[] => values.map((v) => Math.min(Math.max(v, -most), most));
  if (dtype === 'float64') return { dtype, dims, data: Float64Array.from(values) };
  if (dtype === 'float16') return { dtype, dims, data: Uint16Array.from(within(65504), float16Bits) };
  if (dtype === 'bfloat16') return { dtype, dims, data: Uint16Array.from(within(3e38), bfloat16Bits) };
  return { dtype: 'float32', dims, data: Float32Array.from(within(3e38)) };
}

class Masking {
  readonly model: Model;
  #count = 0;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly removal: Removal,
  ) {
    this.model = cloneModel(dependencies.model);
  }

  run(): Model {
    const { nodes } = this.model.graph;
    const copies = new Map(this.dependencies.model.graph.nodes.map((node, i) => [node, nodes[i] as Node]));
    for (const sink of this.dependencies.walk.sinks)
      if (this.removal.touches(sink.labels)) this.#mask(sink, copies.get(sink.node) as Node);
    this.model.graph.values.clear();
    return this.model;
  }

  #mask(sink: Sink, node: Node): void {
    const name = sink.node.inputs[sink.input] as string;
    const { walk } = this.dependencies;
    const type = walk.types.get(name);
    const dtype = walk.index.constant(name)?.dtype ?? (type?.kind === 'tensor' ? type.dtype : null) ?? 'float32';
    const rank = walk.value(name).dims.length;
    const dims = Array.from({ length: rank }, (_, i) => (i === sink.axis ? sink.labels.length : 1));
    const stays = Array.from(sink.labels, (unit) => (this.removal.goes(unit) ? 0 : 1));
    const share = stays.length / stays.reduce<number>((a, b) => a + b, 0);
    const read = node.inputs[sink.input] as string;
    if (sink.kind === 'lowest' || sink.kind === 'highest') {
      const flags = this.#store({ dtype: 'bool', dims, data: Uint8Array.from(stays) });
      const extreme = this.#store(floats(dtype, [], [sink.kind === 'lowest' ? -Infinity : Infinity]));
      node.inputs[sink.input] = this.#before(node, 'Where', [flags, read, extreme]);
      return;
    }
    const mask = this.#store(floats(dtype, dims, stays));
    if (sink.kind === 'layer-norm' || sink.kind === 'rms-norm') return this.#normalised(sink, node, mask, share, dtype);
    node.inputs[sink.input] = this.#before(node, 'Mul', [read, mask]);
    if (sink.kind !== 'mean' || share === 1) return;
    // The mean over those that stay.
    const output = node.outputs[0] as string;
    const all = this.#fresh();
    node.outputs[0] = all;
    this.#after(node, 'Mul', [all, this.#store(floats(dtype, [], [share]))], output);
  }

  /** LayerNormalization and RMSNormalization in parts (ONNX operators, LayerNormalization), over the channels that stay. */
  #normalised({ kind, node: source }: Sink, node: Node, mask: string, share: number, dtype: DataType): void {
    const { walk } = this.dependencies;
    const [x, scale, bias] = node.inputs as [string, string, string | undefined];
    const rank = walk.value(source.inputs[0] as string).dims.length;
    const given = source.attributes.get('axis');
    const from = given?.kind === 'int' ? Number(given.value) : -1;
    const axes = Array.from({ length: rank }, (_, i) => i).slice(from);
    const epsilon = source.attributes.get('epsilon');
    const number = (value: number): string => this.#store(floats(dtype, [], [value]));
    const mean = (value: string): string =>
      this.#before(node, 'Mul', [this.#reduced(node, value, axes), number(share)]);
    const masked = this.#before(node, 'Mul', [x, mask]);
    const centred =
      kind === 'rms-norm'
        ? masked
        : this.#before(node, 'Mul', [this.#before(node, 'Sub', [masked, mean(masked)]), mask]);
    const variance = mean(this.#before(node, 'Mul', [centred, centred]));
    const safe = this.#before(node, 'Add', [variance, number(epsilon?.kind === 'float' ? epsilon.value : 1e-5)]);
    const normal = this.#before(node, 'Div', [centred, this.#before(node, 'Sqrt', [safe])]);
    const scaled = this.#before(node, 'Mul', [normal, scale]);
    node.op = bias ? 'Add' : 'Identity';
    node.inputs = bias ? [scaled, bias] : [scaled];
    node.outputs = [node.outputs[0] as string];
    node.attributes = new Map();
  }

  #reduced(node: Node, value: string, axes: readonly number[]): string {
    if (this.dependencies.walk.opset() < 18)
      return this.#before(node, 'ReduceMean', [value], new Map([['axes', ints(axes)]]));
    return this.#before(node, 'ReduceMean', [value, this.#store(int64([axes.length], axes))]);
  }

  #fresh(): string {
    return `masked:${this.#count++}`;
  }

  #store(value: Tensor): string {
    const name = this.#fresh();
    this.model.graph.initializers.set(name, { name, value });
    return name;
  }

  #before(node: Node, op: string, inputs: string[], attributes = new Map<string, Attribute>()): string {
    const output = this.#fresh();
    const { nodes } = this.model.graph;
    nodes.splice(nodes.indexOf(node), 0, { op, domain: '', name: output, inputs, outputs: [output], attributes });
    return output;
  }

  #after(node: Node, op: string, inputs: string[], output: string): void {
    const { nodes } = this.model.graph;
    const made: Node = { op, domain: '', name: this.#fresh(), inputs, outputs: [output], attributes: new Map() };
    nodes.splice(nodes.indexOf(node) + 1, 0, made);
  }
}

export function withMaskedChannels(dependencies: Dependencies, removal: Removal): Model {
  return new Masking(dependencies, removal).run();
}
