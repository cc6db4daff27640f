/** Writes a quantization plan into the graph as QuantizeLinear and DequantizeLinear nodes (QDQ form). */
import { eliminateDeadCode, GraphBuilder, int, type Model, type Node, type Tensor } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { kernelOrder } from '../../targets/kernel-pairs.js';
import { narrowed as narrowPairs } from './narrow.js';
import type { QuantizationPlan, WeightedUnit } from './plan.js';
import {
  levelsOf,
  quantizeBias,
  quantizeWeight,
  quantizeWeightAt,
  scaleFloors,
  type AffineParams,
  type GivenScales,
  type QuantizedWeight,
} from './scale.js';

export interface InsertOptions {
  /** See `quantizeWeight`. */
  narrow: boolean;
  /** Scales of weights that were learned, by `keyOf`. */
  learned?: ReadonlyMap<string, GivenScales>;
  /** Weights that were quantized before, for other plans and ranges of the same model. */
  made?: Map<string, QuantizedWeight>;
}

/** What units that share a weight and its scales have in common. */
export const keyOf = ({ weight, axis }: Pick<WeightedUnit, 'weight' | 'axis'>): string => `${weight}@${axis}`;

/** A zero point as a constant of its type. */
export function zeroPointOf({ kind, zeroPoint }: AffineParams): Tensor {
  return kind === 'uint8'
    ? { dtype: kind, dims: [], data: Uint8Array.of(zeroPoint) }
    : { dtype: kind, dims: [], data: Int8Array.of(zeroPoint) };
}

export interface InsertResult {
  model: Model;
  /** What the output of each weighted unit is called now, by its name before. */
  outputs: ReadonlyMap<string, string>;
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
  /** Scales and zero points by content: many activations begin at zero, many layers have the same width. */
  readonly #constants = new Map<string, string>();
  /** The least scales of each weight's channels, by its key. */
  readonly #floors = new Map<string, Float32Array>();
  #narrowed = 0;
  #widened = 0;
  #cutOff = 0;
  #clamped = 0;

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
    for (const unit of this.plan.weighted) this.#raiseFloors(unit);
    const outputs = new Map<string, string>();
    for (const node of original) {
      const unit = weighted.get(node.outputs[0]);
      const input = node.inputs[0] as string;
      node.inputs = node.inputs.map((name) => this.#dequantized.get(name) ?? name);
      if (unit) this.#unit(node, unit, input);
      const [before] = node.outputs as [string];
      node.outputs = node.outputs.map((name) => renamed.get(name) ?? name);
      if (unit) outputs.set(before, node.outputs[0] as string);
    }
    graph.nodes = [
      ...this.#before,
      ...(this.#after.get(null) ?? []),
      ...original.flatMap((n) => [n, ...(this.#after.get(n) ?? [])]),
    ];
    for (const value of renamed.values()) graph.values.delete(value);
    return { model: eliminateDeadCode(this.model), outputs, changes: this.#changes() };
  }

  #changes(): Record<string, number> {
    const units = this.plan.weighted.length + this.plan.plain.length + this.plan.moving.length;
    return {
      units,
      weights: this.#weights.size,
      activations: this.plan.activations.size,
      narrowedChannels: this.#narrowed,
      widenedChannels: this.#widened,
      clampedBiases: this.#clamped,
      ...(this.options.learned && { weightsCutOff: this.#cutOff }),
    };
  }

  /** activation -> QuantizeLinear -> DequantizeLinear, right behind its producer; a graph output keeps its name. */
  #pair(activation: string, nodes: readonly Node[], renamed: Map<string, string>): void {
    const params = this.params.get(activation) as AffineParams;
    const producer = nodes.find((n) => n.outputs.includes(activation)) ?? null;
    const isOutput = this.#index.outputs.has(activation);
    const source = isOutput ? this.#builder.fresh('y') : activation;
    const scale = this.#constant({ dtype: 'float32', dims: [], data: Float32Array.of(params.scale) }, 'scale');
    const zeroPoint = this.#constant(zeroPointOf(params), 'zero');
    const quantized = this.#builder.fresh('q');
    const output = isOutput ? activation : this.#builder.fresh('x');
    const list = this.#after.get(producer) ?? [];
    const within = this.#bounded(source, params, list);
    list.push(
      this.#node('QuantizeLinear', [within, scale, zeroPoint], quantized),
      this.#node('DequantizeLinear', [quantized, scale, zeroPoint], output),
    );
    this.#after.set(producer, list);
    if (isOutput) renamed.set(activation, source);
    this.#dequantized.set(activation, output);
  }

  /** The value cut off at the ends of fewer than 8 bits: Clip's bounds are inputs since operator set 11. */
  #bounded(value: string, { scale, zeroPoint, kind, bits = 8 }: AffineParams, nodes: Node[]): string {
    if (bits === 8) return value;
    const { low, high } = levelsOf(kind, bits);
    const end = (level: number): string =>
      this.#constant({ dtype: 'float32', dims: [], data: Float32Array.of((level - zeroPoint) * scale) }, 'end');
    const output = this.#builder.fresh('c');
    nodes.push(this.#node('Clip', [value, end(low), end(high)], output));
    return output;
  }

  #unit(node: Node, unit: WeightedUnit, input: string): void {
    const weight = this.#weight(unit);
    node.inputs[1] = weight.output;
    if (unit.bias === null) return;
    const bias = this.#index.floats(unit.bias) as { data: Float32Array };
    const scale = (this.params.get(input) as AffineParams).scale;
    const { data, scales, clamped } = quantizeBias(bias.data, scale, weight.scales);
    this.#clamped += clamped;
    const quantized = this.#builder.constant({ dtype: 'int32', dims: [data.length], data }, 'b');
    const scaleName = this.#constant({ dtype: 'float32', dims: [scales.length], data: scales }, 'scale');
    const output = this.#builder.fresh('b');
    this.#before.push(this.#node('DequantizeLinear', [quantized, scaleName], output, 0));
    node.inputs[2] = output;
  }

  /** Units that share a weight share its scales, which must suit the bias of each. */
  #raiseFloors(unit: WeightedUnit): void {
    const { node, bias } = unit;
    const values = this.#index.floats(bias ?? undefined);
    if (!values) return;
    const floors = scaleFloors(values.data, (this.params.get(node.inputs[0] as string) as AffineParams).scale);
    const known = this.#floors.get(keyOf(unit));
    this.#floors.set(keyOf(unit), known ? known.map((floor, c) => Math.max(floor, floors[c] as number)) : floors);
  }

  #weight(unit: WeightedUnit): { output: string; scales: Float32Array } {
    const { weight, axis } = unit;
    const key = keyOf(unit);
    const known = this.#weights.get(key);
    if (known) return known;
    const { dims, data } = this.#index.floats(weight) as { dims: readonly number[]; data: Float32Array };
    const { data: int8, scales, narrowed, widened, cutOff = 0 } = this.#quantized(unit, dims, data);
    this.#narrowed += narrowed;
    this.#widened += widened;
    this.#cutOff += cutOff;
    const quantized = this.#builder.constant({ dtype: 'int8', dims, data: int8 }, 'w');
    const scale = this.#constant({ dtype: 'float32', dims: [scales.length], data: scales }, 'scale');
    const zero = this.#constant({ dtype: 'int8', dims: [scales.length], data: new Int8Array(scales.length) }, 'zero');
    const output = this.#builder.fresh('w');
    this.#before.push(this.#node('DequantizeLinear', [quantized, scale, zero], output, axis));
    const made = { output, scales };
    this.#weights.set(key, made);
    return made;
  }

  #quantized(unit: WeightedUnit, dims: readonly number[], data: Float32Array): QuantizedWeight {
    const key = keyOf(unit);
    const { narrow, learned, made } = this.options;
    const floors = this.#floors.get(key);
    const given = learned?.get(key);
    if (given) return quantizeWeightAt(data, dims, unit.axis, given, { narrow, floors });
    const plainly = (least?: Float32Array): QuantizedWeight => {
      const plain = quantizeWeight(data, dims, unit.axis, { narrow: false, floors: least });
      const order = narrow ? kernelOrder(unit.node, dims, unit.axis) : null;
      return order ? { ...plain, narrowed: narrowPairs(data, order, plain.scales, plain.data) } : plain;
    };
    const known = made?.get(`${key} ${narrow}`) ?? plainly();
    made?.set(`${key} ${narrow}`, known);
    return floors?.some((floor, c) => floor > known.scales[c]!) ? plainly(floors) : known;
  }

  #constant(value: Tensor, stem: string): string {
    const key = `${value.dtype} ${value.dims.join()} ${Array.from(value.data, String).join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#builder.constant(value, stem);
    this.#constants.set(key, name);
    return name;
  }

  /** Short names and none for the nodes: in a small model the names would weigh as much as the weights. */
  #node(op: string, inputs: string[], output: string, axis?: number): Node {
    const attributes: Node['attributes'] = new Map(axis === undefined ? [] : [['axis', int(axis)]]);
    return { op, domain: '', name: '', inputs, outputs: [output], attributes };
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
