/**
 * Walks a graph and finds which constants depend on which channels, so that a filter can be removed together with everything
 * that belongs to it: Conv, BatchNormalization, depthwise Conv, residual Add, Flatten and the layers behind.
 */
import { attrInt, attrInts, type Model, type Node } from '@verge/onnx';
import { capturedNames, GraphIndex, nodeName } from './index-of-values.js';
import { SpaceForest, type Slot, type Space } from './channel-space.js';

/** A value: its channel space, the rank of the tensor and the spatial positions folded into each channel. */
interface Placed {
  space: number;
  rank: number | null;
  repeat: number;
}

const sameShape = new Set([
  'Relu', 'LeakyRelu', 'Elu', 'Selu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus', 'Softsign', 'Gelu', 'Mish', 'Erf', 'Abs', 'Neg',
  'Sqrt', 'Exp', 'Identity', 'Dropout', 'Clip', 'Cast', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool',
]); // prettier-ignore
const combining = new Set(['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Max', 'Min', 'Mean']);

class Walk {
  readonly forest = new SpaceForest();
  readonly #placed = new Map<string, Placed>();
  readonly #index: GraphIndex;
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
    this.#index = new GraphIndex(model.graph);
  }

  run(): Space[] {
    const { graph } = this.#model;
    for (const input of graph.inputs) {
      const shape = input.type?.kind === 'tensor' ? input.type.shape : null;
      const channels = shape?.[1];
      if (typeof channels === 'number')
        this.#place(input.name, channels, shape?.length ?? null, 'it is an input of the model');
    }
    for (const node of graph.nodes) this.#visit(node);
    for (const output of graph.outputs) this.#freeze(output.name, 'it is an output of the model');
    this.#freezeSharedConstants();
    return this.forest.roots();
  }

  #visit(node: Node): void {
    const op = node.domain === '' ? node.op : '';
    if (op === 'Conv') this.#conv(node);
    else if (op === 'Gemm' || op === 'MatMul') this.#product(node);
    else if (op === 'BatchNormalization' || op === 'InstanceNormalization') this.#normalization(node);
    else if (op === 'PRelu') this.#constantOperand(node, node.inputs[0] as string, node.inputs[1] as string);
    else if (combining.has(op)) this.#combine(node);
    else if (op === 'Flatten' || op === 'Reshape' || op === 'Squeeze') this.#flatten(node);
    else if (op === 'ReduceMean') this.#reduce(node);
    else if (sameShape.has(op)) this.#pass(node, node.inputs[0] as string);
    else this.#opaque(node, `${node.op} reads it`);
  }

  #place(name: string, size: number, rank: number | null, frozen: string | null = null): number {
    const space = this.forest.create(size, frozen);
    this.#placed.set(name, { space, rank, repeat: 1 });
    return space;
  }

  #freeze(name: string, reason: string): void {
    const placed = this.#placed.get(name);
    if (placed) this.forest.freeze(placed.space, reason);
  }

  /** A node that this walk does not understand: nothing that it touches may change. */
  #opaque(node: Node, reason: string): void {
    for (const name of [...node.inputs, ...capturedNames(node)]) this.#freeze(name, `${reason} ('${nodeName(node)}')`);
  }

  #pass(node: Node, input: string): void {
    const placed = this.#placed.get(input);
    const pooled = node.op === 'GlobalAveragePool' || node.op === 'GlobalMaxPool';
    if (placed) this.#placed.set(node.outputs[0] as string, pooled ? { ...placed, repeat: 1 } : placed);
    for (const extra of node.outputs.slice(1))
      if (extra !== '' && this.#index.readers(extra).length > 0) this.#opaque(node, 'it has a second output');
  }

  #slot(space: number, slot: Slot): void {
    this.forest.get(space).slots.push(slot);
  }

  #conv(node: Node): void {
    const [x, weight, bias] = node.inputs as [string, string, string | undefined];
    const w = this.#index.floats(weight);
    const input = this.#placed.get(x);
    if (!w || (bias && !this.#index.floats(bias)))
      return this.#opaque(node, 'a Conv without constant weights reads it');
    const [out, perGroup] = w.dims as [number, number];
    const group = attrInt(node, 'group', 1);
    if (group > 1 && input && perGroup === 1 && out === group && this.forest.get(input.space).size === group) {
      // Depthwise: filter i sees channel i alone, so its channels are those of its input.
      this.#slot(input.space, { initializer: weight, axis: 0, repeat: 1 });
      if (bias) this.#slot(input.space, { initializer: bias, axis: 0, repeat: 1 });
      this.forest.get(input.space).groups.push(node.outputs[0] as string);
      this.#placed.set(node.outputs[0] as string, input);
      return;
    }
    const space = this.#place(node.outputs[0] as string, out, w.dims.length);
    if (group > 1) {
      this.#freeze(x, `the grouped Conv '${nodeName(node)}' reads it`);
      return this.forest.freeze(space, 'its Conv is grouped');
    }
    if (input) this.#slot(input.space, { initializer: weight, axis: 1, repeat: 1 });
    this.#produce(space, node, weight, 0, bias);
  }

  #produce(space: number, node: Node, weight: string, axis: number, bias: string | undefined): void {
    this.#slot(space, { initializer: weight, axis, repeat: 1 });
    this.forest.get(space).producers.push({ node: nodeName(node), weight, axis });
    if (bias) this.#slot(space, { initializer: bias, axis: 0, repeat: 1 });
  }

  #product(node: Node): void {
    const [x, weight, bias] = node.inputs as [string, string, string | undefined];
    const w = this.#index.floats(weight);
    const input = this.#placed.get(x);
    const transposed = node.op === 'Gemm' && attrInt(node, 'transB', 0) === 1;
    const b = bias ? this.#index.floats(bias) : null;
    const bad = !w || w.dims.length !== 2 || (node.op === 'Gemm' && attrInt(node, 'transA', 0) === 1);
    if (bad || (bias && (!b || b.dims.length !== 1)) || (input && input.rank !== 2))
      return this.#opaque(node, 'a product without constant weights reads it');
    const outAxis = transposed ? 0 : 1;
    const features = w.dims[1 - outAxis] as number;
    if (input && this.forest.get(input.space).size * input.repeat !== features) {
      this.#freeze(x, `'${nodeName(node)}' reads ${features} features of it`);
    } else if (input) this.#slot(input.space, { initializer: weight, axis: 1 - outAxis, repeat: input.repeat });
    const out = w.dims[outAxis] as number;
    const space = this.#place(node.outputs[0] as string, out, 2);
    if (bias && b?.data.length !== out) return this.forest.freeze(space, 'its bias has another width');
    this.#produce(space, node, weight, outAxis, bias);
  }

  #normalization(node: Node): void {
    const input = this.#placed.get(node.inputs[0] as string);
    if (!input || input.repeat !== 1) return this.#opaque(node, 'a normalisation reads it');
    if (node.inputs.slice(1).some((name) => !this.#index.floats(name)))
      return this.#opaque(node, 'a normalisation without constants reads it');
    for (const initializer of node.inputs.slice(1)) this.#slot(input.space, { initializer, axis: 0, repeat: 1 });
    this.#pass(node, node.inputs[0] as string);
  }

  #combine(node: Node): void {
    const values = node.inputs.filter((name) => this.#index.constant(name) === null);
    const constants = node.inputs.filter((name) => this.#index.constant(name) !== null);
    const first = this.#placed.get(values[0] as string);
    const all = values.map((name) => this.#placed.get(name));
    const alike = first && all.every((p) => p && p.rank === first.rank && p.repeat === first.repeat);
    if (!alike) return this.#opaque(node, `${node.op} combines it with a value of another form`);
    for (const placed of all) this.forest.union(first.space, (placed as Placed).space);
    for (const constant of constants) this.#constantOperand(node, values[0] as string, constant);
    this.#pass(node, values[0] as string);
  }

  /** A constant that is broadcast against a value: one for all channels, or one slice a channel. */
  #constantOperand(node: Node, value: string, constant: string): void {
    const placed = this.#placed.get(value);
    const tensor = this.#index.constant(constant);
    if (!placed || !tensor || placed.rank === null || tensor.dims.length > placed.rank)
      return this.#opaque(node, `${node.op} reads it`);
    const axis = 1 - (placed.rank - tensor.dims.length);
    const size = axis < 0 ? 1 : (tensor.dims[axis] as number);
    const width = this.forest.get(placed.space).size * placed.repeat;
    if (size === width && size > 1) this.#slot(placed.space, { initializer: constant, axis, repeat: placed.repeat });
    else if (size !== 1) this.#freeze(value, `${node.op} reads it with a constant of another width`);
    if (node.op === 'PRelu') this.#pass(node, value);
  }

  /** Channel-major flattening: channel c becomes the features c * positions to (c + 1) * positions - 1. */
  #flatten(node: Node): void {
    const [x, target] = node.inputs as [string, string | undefined];
    const input = this.#placed.get(x);
    if (!input) return;
    const consumer = this.#index.readers(node.outputs[0] as string);
    const features = consumer.length > 0 ? this.#featuresRead(consumer, node.outputs[0] as string) : null;
    const size = this.forest.get(input.space).size;
    if (node.op === 'Flatten' && attrInt(node, 'axis', 1) !== 1)
      return this.#opaque(node, 'a Flatten on another axis reads it');
    if (node.op === 'Squeeze' && !this.#squeezesSpace(node, input.rank)) return this.#opaque(node, 'Squeeze reads it');
    if (node.op === 'Reshape' && !this.#reshapesToMatrix(target, input.space, features))
      return this.#opaque(node, 'Reshape reads it');
    if (input.rank === 2 && node.op === 'Flatten') return void this.#placed.set(node.outputs[0] as string, input);
    if (features === null || features % size !== 0)
      return this.#opaque(node, `it is flattened into an unknown number of features`);
    this.#placed.set(node.outputs[0] as string, { space: input.space, rank: 2, repeat: features / size });
  }

  /** The width of a matrix, as the constant weights of the layers behind tell it; through activations. */
  #featuresRead(readers: readonly Node[], value: string): number | null {
    for (const reader of readers) {
      if (reader.op === 'Gemm' || reader.op === 'MatMul') {
        const w = this.#index.floats(reader.inputs[1]);
        if (!w || reader.inputs[0] !== value) continue;
        return w.dims[reader.op === 'Gemm' && attrInt(reader, 'transB', 0) === 1 ? 1 : 0] as number;
      }
      const output = reader.outputs[0] as string;
      if (sameShape.has(reader.op) || reader.op === 'Reshape' || reader.op === 'Flatten') {
        const behind = this.#featuresRead(this.#index.readers(output), output);
        if (behind !== null) return behind;
      }
    }
    return null;
  }

  #squeezesSpace(node: Node, rank: number | null): boolean {
    const given = this.#index.constant(node.inputs[1]);
    const axes = given?.dtype === 'int64' ? Array.from(given.data, Number) : attrInts(node, 'axes', []);
    return rank !== null && axes.length === rank - 2 && axes.every((a) => (a < 0 ? a + rank : a) >= 2);
  }

  /** [batch, features] with the features given as -1 or as their number (which then changes with the channels). */
  #reshapesToMatrix(target: string | undefined, space: number, features: number | null): boolean {
    const shape = this.#index.constant(target);
    if (shape?.dtype !== 'int64' || shape.data.length !== 2) return false;
    const [rows, columns] = [Number(shape.data[0]), Number(shape.data[1])];
    if (columns === -1) return rows >= 0;
    if (columns !== features) return false;
    const { size, targets } = this.forest.get(space);
    targets.push({ initializer: target as string, position: 1, repeat: features / size });
    return true;
  }

  #reduce(node: Node): void {
    const input = this.#placed.get(node.inputs[0] as string);
    if (!input || input.rank === null) return this.#opaque(node, 'ReduceMean reads it');
    const { rank } = input;
    const given = this.#index.constant(node.inputs[1]);
    const axes = (given?.dtype === 'int64' ? Array.from(given.data, Number) : [...attrInts(node, 'axes', [])]).map(
      (a) => (a < 0 ? a + rank : a),
    );
    if (axes.length !== rank - 2 || axes.some((a) => a < 2))
      return this.#opaque(node, 'a ReduceMean over channels reads it');
    const kept = attrInt(node, 'keepdims', 1) === 1;
    this.#placed.set(node.outputs[0] as string, { space: input.space, rank: kept ? rank : 2, repeat: 1 });
  }

  /** A constant that two spaces slice, or that an unknown reader sees whole, cannot change for one of them. */
  #freezeSharedConstants(): void {
    const uses = new Map<string, number>();
    for (const space of this.forest.roots())
      for (const { initializer } of space.slots) uses.set(initializer, (uses.get(initializer) ?? 0) + 1);
    const readers = (name: string): number =>
      this.#index.readers(name).reduce((n, node) => n + node.inputs.filter((i) => i === name).length, 0);
    for (const space of this.forest.roots()) {
      for (const { initializer, axis } of space.slots) {
        const sliced = uses.get(initializer) as number;
        const dims = this.#index.constant(initializer)?.dims ?? [];
        // A weight is sliced by the space of its inputs and by that of its outputs; more readers mean sharing.
        if (readers(initializer) > 1 || sliced > Math.min(2, dims.length))
          space.frozen ??= `the constant '${initializer}' is shared`;
        if (dims[axis] === undefined) space.frozen ??= `the constant '${initializer}' has no axis ${axis}`;
      }
    }
  }
}

/** The channel spaces of a model, with everything that must change when channels of them go. */
export function channelSpaces(model: Model): Space[] {
  return new Walk(model).run();
}
