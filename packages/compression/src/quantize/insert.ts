/** Writes a quantization plan into the graph as QuantizeLinear and DequantizeLinear nodes (QDQ form). */
import { GraphBuilder, int, type Model, type Node, type Tensor } from '@verge/onnx';
import { cloneModel, dropUnusedInitializers, GraphIndex } from '../graph-index.js';
import type { QuantizationPlan, WeightedUnit } from './plan.js';
import { quantizeBias, quantizeWeight, type AffineParams } from './scale.js';

export interface InsertOptions {
  /** See `quantizeWeight`. */
  narrow: boolean;
}

export interface InsertResult {
  model: Model;
  changes: Record<string, number>;
}

class Inserter {
  readonly model: Model;
  readonly #index: GraphIndex;
  readonly #builder: GraphBuilder;
  readonly #before: Node[] = [];
  readonly #after = new Map<Node | null, Node[]>();
  readonly #dequantized = new Map<string, string>();
  readonly #weights = new Map<string, { output: string; scales: Float32Array }>();
  #narrowed = 0;

  constructor(
    source: Model,
    readonly plan: QuantizationPlan,
    readonly params: ReadonlyMap<string, AffineParams>,
    readonly options: InsertOptions,
  ) {
    this.model = cloneModel(source);
    this.#index = new GraphIndex(source.graph);
    this.#builder = new GraphBuilder(this.model.graph);
  }

  run(): InsertResult {
    const { graph } = this.model;
    const original = [...graph.nodes];
    const renamed = new Map<string, string>();
    for (const activation of this.plan.activations) this.#pair(activation, original, renamed);
    const weighted = new Map(this.plan.weighted.map((unit) => [unit.node.outputs[0], unit]));
    for (const node of original) {
      const unit = weighted.get(node.outputs[0]);
      const input = node.inputs[0] as string;
      node.inputs = node.inputs.map((name) => this.#dequantized.get(name) ?? name);
      if (unit) this.#unit(node, unit, input);
      node.outputs = node.outputs.map((name) => renamed.get(name) ?? name);
    }
    graph.nodes = [
      ...this.#before,
      ...(this.#after.get(null) ?? []),
      ...original.flatMap((n) => [n, ...(this.#after.get(n) ?? [])]),
    ];
    for (const value of renamed.values()) graph.values.delete(value);
    dropUnusedInitializers(graph);
    return { model: this.model, changes: this.#changes() };
  }

  #changes(): Record<string, number> {
    const units = this.plan.weighted.length + this.plan.plain.length + this.plan.moving.length;
    return {
      units,
      weights: this.#weights.size,
      activations: this.plan.activations.size,
      narrowedChannels: this.#narrowed,
    };
  }

  /** activation -> QuantizeLinear -> DequantizeLinear, right behind its producer; a graph output keeps its name. */
  #pair(activation: string, nodes: readonly Node[], renamed: Map<string, string>): void {
    const params = this.params.get(activation) as AffineParams;
    const producer = nodes.find((n) => n.outputs.includes(activation)) ?? null;
    const isOutput = this.#index.outputs.has(activation);
    const source = isOutput ? this.#builder.fresh(`${activation}_float`) : activation;
    const scale = this.#scalar(
      { dtype: 'float32', dims: [], data: Float32Array.of(params.scale) },
      `${activation}_scale`,
    );
    const zero: Tensor =
      params.kind === 'uint8'
        ? { dtype: 'uint8', dims: [], data: Uint8Array.of(params.zeroPoint) }
        : { dtype: 'int8', dims: [], data: Int8Array.of(params.zeroPoint) };
    const zeroPoint = this.#scalar(zero, `${activation}_zero_point`);
    const quantized = this.#builder.fresh(`${activation}_quantized`);
    const output = isOutput ? activation : this.#builder.fresh(`${activation}_dequantized`);
    const list = this.#after.get(producer) ?? [];
    list.push(
      this.#node('QuantizeLinear', [source, scale, zeroPoint], quantized),
      this.#node('DequantizeLinear', [quantized, scale, zeroPoint], output),
    );
    this.#after.set(producer, list);
    if (isOutput) renamed.set(activation, source);
    this.#dequantized.set(activation, output);
  }

  #unit(node: Node, unit: WeightedUnit, input: string): void {
    const weight = this.#weight(unit);
    node.inputs[1] = weight.output;
    if (unit.bias === null) return;
    const bias = this.#index.floats(unit.bias) as { data: Float32Array };
    const scale = (this.params.get(input) as AffineParams).scale;
    const { data, scales } = quantizeBias(bias.data, scale, weight.scales);
    const name = unit.bias;
    const quantized = this.#builder.constant({ dtype: 'int32', dims: [data.length], data }, `${name}_quantized`);
    const scaleName = this.#builder.constant(
      { dtype: 'float32', dims: [scales.length], data: scales },
      `${name}_scale`,
    );
    const output = this.#builder.fresh(`${name}_dequantized`);
    this.#before.push(this.#node('DequantizeLinear', [quantized, scaleName], output, 0));
    node.inputs[2] = output;
  }

  #weight({ weight, axis }: WeightedUnit): { output: string; scales: Float32Array } {
    const key = `${weight}@${axis}`;
    const known = this.#weights.get(key);
    if (known) return known;
    const { dims, data } = this.#index.floats(weight) as { dims: readonly number[]; data: Float32Array };
    const { data: int8, scales, narrowed } = quantizeWeight(data, dims, axis, this.options.narrow);
    this.#narrowed += narrowed;
    const quantized = this.#builder.constant({ dtype: 'int8', dims, data: int8 }, `${weight}_quantized`);
    const scale = this.#builder.constant({ dtype: 'float32', dims: [scales.length], data: scales }, `${weight}_scale`);
    const zero = this.#builder.constant(
      { dtype: 'int8', dims: [scales.length], data: new Int8Array(scales.length) },
      `${weight}_zero_point`,
    );
    const output = this.#builder.fresh(`${weight}_dequantized`);
    this.#before.push(this.#node('DequantizeLinear', [quantized, scale, zero], output, axis));
    const made = { output, scales };
    this.#weights.set(key, made);
    return made;
  }

  #scalar(value: Tensor, stem: string): string {
    return this.#builder.constant(value, stem);
  }

  #node(op: string, inputs: string[], output: string, axis?: number): Node {
    const attributes: Node['attributes'] = new Map(axis === undefined ? [] : [['axis', int(axis)]]);
    return { op, domain: '', name: this.#builder.fresh(`${output}_node`), inputs, outputs: [output], attributes };
  }
}

/** @param params for every activation of the plan; moving nodes need equal ones on both sides */
export function insertQdq(
  model: Model,
  plan: QuantizationPlan,
  params: ReadonlyMap<string, AffineParams>,
  options: InsertOptions,
): InsertResult {
  return new Inserter(model, plan, params, options).run();
}
