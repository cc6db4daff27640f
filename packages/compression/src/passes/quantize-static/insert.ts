/** Writes a quantization plan into the graph as QuantizeLinear and DequantizeLinear nodes (QDQ form). */
import { eliminateDeadCode, int, type Model, type Node } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { kernelOrder } from '../../targets/kernel-pairs.js';
import { formOf, keyOf, type Form } from './form.js';
import { narrowed as narrowPairs } from './narrow.js';
import { Pen } from './pen.js';
import { behindActivation, type QuantizationPlan, type WeightedUnit } from './plan.js';
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
import { asRepeats, repeatsOf, type Repeats } from './repeats.js';
import { asProduct, asSum, placesApart, type Beside } from './spellings.js';

export interface InsertOptions {
  /** See `quantizeWeight`. */
  narrow: boolean;
  /** Scales of weights that were learned, by `keyOf`. */
  learned?: ReadonlyMap<string, GivenScales>;
  /** Weights that were quantized before, for other plans and ranges of the same model. */
  made?: Map<string, QuantizedWeight>;
  /** Weights that are taken as they are, by their form's key. */
  settled?: ReadonlyMap<string, QuantizedWeight>;
}

export interface InsertResult {
  model: Model;
  /** What the output of each weighted unit is called now, by its name before. */
  outputs: ReadonlyMap<string, string>;
  /** What weights became, by their form's key. */
  weights: ReadonlyMap<string, QuantizedWeight>;
  changes: Record<string, number>;
}

class Inserter {
  readonly model: Model;
  readonly #index: GraphIndex;
  readonly #pen: Pen;
  readonly #before: Node[] = [];
  readonly #ahead = new Map<Node, readonly Node[]>();
  readonly #after = new Map<Node | null, Node[]>();
  readonly #quantized = new Map<string, string>();
  readonly #dequantized = new Map<string, string>();
  /** What each HardSigmoid on integers gives. */
  readonly #gates = new Set<string>();
  /** What repeats values, by its output. */
  readonly #resized = new Map<string, Repeats>();
  readonly #forms = new Map<WeightedUnit, Form>();
  readonly #weights = new Map<string, QuantizedWeight & { output: string }>();
  /** The least scales of each weight's channels, by its key. */
  readonly #floors = new Map<string, Float32Array>();
  #narrowed = 0;
  #widened = 0;
  #cutOff = 0;
  #clamped = 0;

  constructor(
    readonly source: Model,
    readonly plan: QuantizationPlan,
    readonly params: ReadonlyMap<string, AffineParams>,
    readonly options: InsertOptions,
  ) {
    this.model = cloneModel(source);
    this.#index = new GraphIndex(source.graph);
    this.#pen = new Pen(this.model.graph);
  }

  run(): InsertResult {
    const { graph } = this.model;
    const original = [...graph.nodes];
    const renamed = new Map<string, string>();
    for (const activation of this.plan.activations) this.#pair(activation, original, renamed);
    const weighted = new Map(this.plan.weighted.map((unit) => [unit.node.outputs[0], unit]));
    for (const unit of this.plan.weighted) this.#raiseFloors(unit);
    const outputs = new Map<string, string>();
    for (const {
      op,
      outputs: [name],
    } of this.plan.plain)
      if (op === 'HardSigmoid') this.#gates.add(name as string);
    for (const node of this.plan.moving) {
      const repeats = repeatsOf(node, this.source, this.#index);
      if (repeats) this.#resized.set(node.outputs[0] as string, repeats);
    }
    for (const node of original) {
      const unit = weighted.get(node.outputs[0]);
      const input = node.inputs[0] as string;
      node.inputs = node.inputs.map((name) => this.#dequantized.get(name) ?? name);
      if (unit) this.#unit(node, unit, input);
      const [before] = node.outputs as [string];
      node.outputs = node.outputs.map((name) => renamed.get(name) ?? name);
      if (unit) outputs.set(before, node.outputs[0] as string);
      this.#spell(node, input, before, unit);
    }
    graph.nodes = [
      ...this.#before,
      ...(this.#after.get(null) ?? []),
      ...original.flatMap((n) => [...(this.#ahead.get(n) ?? []), n, ...(this.#after.get(n) ?? [])]),
    ];
    for (const value of renamed.values()) graph.values.delete(value);
    return { model: eliminateDeadCode(this.model), outputs, weights: this.#weights, changes: this.#changes() };
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
    const source = isOutput ? this.#pen.fresh('y') : activation;
    const output = isOutput ? activation : this.#pen.fresh('x');
    const list = this.#after.get(producer) ?? [];
    const within = this.#bounded(source, params, list);
    const { nodes: pair, quantized } = this.#pen.pair(within, params, output);
    this.#after.set(producer, [...list, ...pair]);
    this.#quantized.set(activation, quantized);
    if (isOutput) renamed.set(activation, source);
    this.#dequantized.set(activation, output);
  }

  /** The value cut off at the ends of fewer than 8 bits: Clip's bounds are inputs since operator set 11. */
  #bounded(value: string, { scale, zeroPoint, kind, bits = 8 }: AffineParams, nodes: Node[]): string {
    if (bits === 8) return value;
    const { low, high } = levelsOf(kind, bits);
    const end = (level: number): string => this.#pen.scalar((level - zeroPoint) * scale, 'end');
    const output = this.#pen.fresh('c');
    nodes.push(this.#pen.node('Clip', [value, end(low), end(high)], output));
    return output;
  }

  #unit(node: Node, unit: WeightedUnit, input: string): void {
    const form = this.#form(unit);
    const weight = this.#weight(unit, form);
    node.inputs[1] = weight.output;
    if (form.node !== unit.node) [node.op, node.attributes] = [form.node.op, form.node.attributes];
    if (form.bias === null || unit.asProduct) return;
    const scale = (this.params.get(input) as AffineParams).scale;
    const { data, scales, clamped } = quantizeBias(form.bias, scale, weight.scales);
    this.#clamped += clamped;
    const quantized = this.#pen.stored({ dtype: 'int32', dims: [data.length], data }, 'b');
    const scaleName = this.#pen.constant({ dtype: 'float32', dims: [scales.length], data: scales }, 'scale');
    const output = this.#pen.fresh('b');
    this.#before.push(this.#pen.node('DequantizeLinear', [quantized, scaleName], output, { axis: int(0) }));
    node.inputs[2] = output;
  }

  /** A node as others where it is written so; its output bears the name that it will have. */
  #spell(node: Node, input: string, before: string, unit: WeightedUnit | undefined): void {
    const { bias, blocks } = unit ? this.#form(unit) : { bias: null, blocks: null };
    const params = (value: string): AffineParams => this.params.get(value) as AffineParams;
    let beside: Beside | null = null;
    if (unit?.asProduct) beside = asProduct(this.#pen, node, this.#rank(unit), params(input), bias);
    else if (blocks) beside = placesApart(this.#pen, node, params(behindActivation(before, this.#index)), blocks);
    else if (this.#gates.has(before))
      beside = asSum(this.#pen, node, this.#quantized.get(input) as string, params(input));
    else if (this.#resized.has(before)) beside = asRepeats(this.#pen, node, params(input), this.#resized.get(before)!);
    if (!beside) return;
    this.#ahead.set(node, beside.ahead);
    this.#after.set(node, [...beside.behind, ...(this.#after.get(node) ?? [])]);
  }

  #rank({ weight }: WeightedUnit): number {
    return (this.#index.floats(weight) as { dims: readonly number[] }).dims.length;
  }

  #form(unit: WeightedUnit): Form {
    const form = this.#forms.get(unit) ?? formOf(unit, this.source, this.#index);
    this.#forms.set(unit, form);
    return form;
  }

  /** Units that share a weight share its scales, which must suit the bias of each. */
  #raiseFloors(unit: WeightedUnit): void {
    const { key, bias } = this.#form(unit);
    if (!bias || unit.asProduct) return;
    const floors = scaleFloors(bias, (this.params.get(unit.node.inputs[0] as string) as AffineParams).scale);
    const known = this.#floors.get(key);
    this.#floors.set(key, known ? known.map((floor, c) => Math.max(floor, floors[c] as number)) : floors);
  }

  #weight(unit: WeightedUnit, form: Form): { output: string; scales: Float32Array } {
    const { key, axis, dims } = form;
    const known = this.#weights.get(key);
    if (known) return known;
    const stored = this.#int8(form, unit);
    const { data: int8, scales, narrowed, widened, cutOff = 0 } = stored;
    this.#narrowed += narrowed;
    this.#widened += widened;
    this.#cutOff += cutOff;
    const quantized = this.#pen.stored({ dtype: 'int8', dims, data: int8 }, 'w');
    const scale = this.#pen.constant({ dtype: 'float32', dims: [scales.length], data: scales }, 'scale');
    const zero = this.#pen.constant(
      { dtype: 'int8', dims: [scales.length], data: new Int8Array(scales.length) },
      'zero',
    );
    const output = this.#pen.fresh('w');
    this.#before.push(this.#pen.node('DequantizeLinear', [quantized, scale, zero], output, { axis: int(axis) }));
    const made = { ...stored, output };
    this.#weights.set(key, made);
    return made;
  }

  #int8({ key, node, axis, dims, data, forChannels }: Form, unit: WeightedUnit): QuantizedWeight {
    const { narrow, learned, made, settled } = this.options;
    const taken = settled?.get(key);
    if (taken) return taken;
    const floors = this.#floors.get(key);
    const given = learned?.get(keyOf(unit));
    if (given) {
      const scales = forChannels(given.scales);
      return quantizeWeightAt(data, dims, axis, { ...given, scales }, { narrow, floors });
    }
    const plainly = (least?: Float32Array): QuantizedWeight => {
      const plain = quantizeWeight(data, dims, axis, { narrow: false, floors: least });
      const order = narrow ? kernelOrder(node, dims, axis) : null;
      return order ? { ...plain, narrowed: narrowPairs(data, order, plain.scales, plain.data) } : plain;
    };
    const known = made?.get(`${key} ${narrow}`) ?? plainly();
    made?.set(`${key} ${narrow}`, known);
    return floors?.some((floor, c) => floor > known.scales[c]!) ? plainly(floors) : known;
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
