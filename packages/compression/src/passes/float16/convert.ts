/** Writes a plan of halves into the graph: values under new names, and a Cast wherever the two kinds of numbers meet. */
import { eliminateDeadCode, GraphBuilder, int, type Model, type Node } from '@verge/onnx';
import { capturedNames, cloneModel } from '../../graph/index-of-values.js';
import { toHalves } from './halves.js';
import { readsEither } from './operators.js';
import type { HalfPlan } from './plan.js';

/** FLOAT and FLOAT16 in TensorProto.DataType (onnx.proto). */
const CODES = { float32: 1, float16: 10 } as const;

class Converter {
  readonly #model: Model;
  readonly #builder: GraphBuilder;
  /** What the half of a value is called. */
  readonly #halves = new Map<string, string>();
  /** Values that nodes in halves read, and those that something else reads. */
  readonly #wanted = { half: new Set<string>(), float: new Set<string>() };
  #casts = 0;
  #vanished = 0;
  #weights = 0;

  constructor(
    private readonly source: Model,
    private readonly plan: HalfPlan,
  ) {
    this.#model = cloneModel(source);
    this.#builder = new GraphBuilder(this.#model.graph);
  }

  run(): { model: Model; changes: Record<string, number> } {
    const { graph } = this.#model;
    this.#want();
    const edges = graph.inputs.flatMap(({ name }) => (this.plan.index.inputs.has(name) ? this.#toHalf(name) : []));
    const constants = [...graph.initializers.keys()].flatMap((name) => this.#constant(name));
    const nodes = this.source.graph.nodes.flatMap((node, i) => this.#node(node, graph.nodes[i] as Node));
    graph.nodes = [...edges, ...constants, ...nodes];
    graph.values.clear();
    const changes = {
      ...{ nodes: this.plan.nodes.size, weights: this.#weights, casts: this.#casts },
      ...(this.#vanished > 0 && { vanished: this.#vanished }),
    };
    return { model: eliminateDeadCode(this.#model), changes };
  }

  #want(): void {
    for (const node of this.source.graph.nodes) {
      if (readsEither(node)) continue;
      const half = new Set(this.plan.nodes.has(node) ? this.plan.places(node).inputs : []);
      node.inputs.forEach((value, i) => this.#wanted[half.has(i) ? 'half' : 'float'].add(value));
      for (const value of capturedNames(node)) this.#wanted.float.add(value);
    }
    for (const { name } of this.source.graph.outputs) this.#wanted.float.add(name);
  }

  #half(value: string): string {
    const known = this.#halves.get(value);
    if (known !== undefined) return known;
    const name = this.#builder.fresh(`${value}/float16`);
    this.#halves.set(value, name);
    return name;
  }

  /** A value under the name that it has, which is that of its half where nothing else wants the float. */
  #there(value: string): string {
    const producer = this.plan.index.producers.get(value);
    const half = producer ? this.plan.nodes.has(producer) : this.plan.index.constant(value) !== null;
    return half && !this.#wanted.float.has(value) ? (this.#halves.get(value) ?? value) : value;
  }

  #cast(from: string, to: string, type: keyof typeof CODES): Node {
    this.#casts++;
    const attributes: Node['attributes'] = new Map([['to', int(CODES[type])]]);
    return { op: 'Cast', domain: '', name: '', inputs: [from], outputs: [to], attributes };
  }

  #toHalf(value: string): Node[] {
    if (!this.plan.isFloat(value) || !this.#wanted.half.has(value)) return [];
    return [this.#cast(value, this.#half(value), 'float16')];
  }

  /** A constant that floats are wanted of too stays as it is. */
  #constant(name: string): Node[] {
    const tensor = this.plan.index.floats(name);
    if (!tensor || !this.#wanted.half.has(name)) return [];
    if (this.#wanted.float.has(name)) return this.#toHalf(name);
    const { initializers, inputs } = this.#model.graph;
    const { bits, vanished } = toHalves(tensor.data);
    this.#vanished += vanished;
    this.#weights++;
    const stored = this.#half(name);
    initializers.delete(name);
    initializers.set(stored, { name: stored, value: { dtype: 'float16', dims: tensor.dims, data: bits } });
    const listed = inputs.findIndex((input) => input.name === name);
    if (listed >= 0) inputs.splice(listed, 1);
    return [];
  }

  #node(source: Node, node: Node): Node[] {
    const { inputs, outputs } = this.plan.places(source);
    if (readsEither(source)) node.inputs = node.inputs.map((value) => this.#there(value));
    if (!this.plan.nodes.has(source)) return [node, ...node.outputs.flatMap((value) => this.#toHalf(value))];
    for (const i of inputs) node.inputs[i] = this.#half(node.inputs[i] as string);
    const casts: Node[] = [];
    for (const i of outputs) {
      const value = node.outputs[i] as string;
      node.outputs[i] = this.#half(value);
      if (this.#wanted.float.has(value)) casts.push(this.#cast(node.outputs[i] as string, value, 'float32'));
    }
    const others = source.outputs.filter((_, i) => !outputs.includes(i));
    return [node, ...casts, ...others.flatMap((value) => this.#toHalf(value))];
  }
}

export function inHalves(model: Model, plan: HalfPlan): { model: Model; changes: Record<string, number> } {
  return new Converter(model, plan).run();
}
