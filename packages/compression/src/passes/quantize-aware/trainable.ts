/**
 * The network as it is trained: every activation of the plan and every weight goes through QuantizeLinear and DequantizeLinear, and the scales
 * of all of them are the exponentials of one vector, which moves like any parameter. On a logarithmic axis a step changes a scale by a share
 * of itself, whatever its size, and none becomes zero or negative (Jain et al. 2019, arXiv 1903.08066).
 */
import {
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  type Attribute,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { zeroPointOf } from '../quantize-static/pen.js';
import type { QuantizationPlan } from '../quantize-static/plan.js';
import { levelsOf, type AffineParams } from '../quantize-static/scale.js';
import type { LearningLayer, LearningWeight, View } from './layers.js';

/** Scales of one weight, one for each channel, and the bits of its levels. */
export interface WeightScales {
  readonly scales: Float32Array;
  readonly bits: 8 | 4;
}

export interface Starting {
  /** Parameters of activations, by the representative of their group. */
  readonly activations: ReadonlyMap<string, AffineParams>;
  /** By the weight's key. */
  readonly weights: ReadonlyMap<string, WeightScales>;
}

export interface Trainable {
  readonly model: Model;
  /** The constant that holds the logarithms of all scales. */
  readonly scales: string;
  /** The scales of a trained vector, in the form in which they were given. */
  read(vector: Float32Array): Starting;
}

/** Where the scales of an activation, or a weight, lie in the vector. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

function placesOf({ activations, weights }: Starting): { places: Map<string, Place>; vector: Float32Array } {
  const places = new Map<string, Place>();
  const values: number[] = [];
  const put = (key: string, scales: Iterable<number>): void => {
    const offset = values.length;
    for (const scale of scales) values.push(Math.log(scale));
    places.set(key, { offset, size: values.length - offset });
  };
  for (const [name, { scale }] of activations) put(`a:${name}`, [scale]);
  for (const [key, { scales }] of weights) put(`w:${key}`, scales);
  // A constant of one element counts as a setting, which no training moves.
  if (values.length === 1) values.push(0);
  return { places, vector: Float32Array.from(values) };
}

class Writer {
  readonly model: Model;
  readonly #index: GraphIndex;
  readonly #builder: GraphBuilder;
  readonly #first: Node[] = [];
  readonly #after = new Map<Node | null, Node[]>();
  readonly #rounded = new Map<string, string>();
  readonly #weights = new Map<string, string>();
  readonly #scales = new Map<string, string>();

  constructor(
    source: Model,
    readonly plan: QuantizationPlan,
    readonly layers: readonly LearningLayer[],
    readonly groups: ReadonlyMap<string, string>,
    readonly starting: Starting,
  ) {
    this.model = cloneModel(source);
    this.#index = new GraphIndex(source.graph);
    this.#builder = new GraphBuilder(this.model.graph);
  }

  run(): Trainable {
    const { places, vector } = placesOf(this.starting);
    const name = this.#builder.constant(float32([vector.length], vector), 'quantisation.log_scales');
    this.#split(name, places, vector.length);
    const { graph } = this.model;
    const original = [...graph.nodes];
    const renamed = new Map<string, string>();
    for (const activation of this.plan.activations) this.#activation(activation, original, renamed);
    const learning = new Map(this.layers.map(({ node, weights }) => [keyOfNode(node), weights]));
    for (const node of original) {
      const weights = learning.get(keyOfNode(node)) ?? [];
      node.inputs = node.inputs.map((input) => this.#rounded.get(input) ?? input);
      for (const weight of weights) node.inputs[weight.place] = this.#weight(weight);
      node.outputs = node.outputs.map((output) => renamed.get(output) ?? output);
    }
    graph.nodes = [
      ...this.#first,
      ...(this.#after.get(null) ?? []),
      ...original.flatMap((node) => [node, ...(this.#after.get(node) ?? [])]),
    ];
    for (const value of renamed.values()) graph.values.delete(value);
    return { model: this.model, scales: name, read: (trained) => readScales(this.starting, places, trained) };
  }

  #split(vector: string, places: ReadonlyMap<string, Place>, size: number): void {
    const all = this.#builder.fresh('scales');
    const outputs = [...places.keys()].map((key) => {
      const output = this.#builder.fresh('scale');
      this.#scales.set(key, output);
      return output;
    });
    const sizes = [...places.values()].map((place) => place.size);
    const rest = size - sizes.reduce((a, b) => a + b, 0);
    if (rest > 0) outputs.push(this.#builder.fresh('scale'));
    const cuts = [...sizes, ...(rest > 0 ? [rest] : [])];
    const lengths = this.#constant({ dtype: 'int64', dims: [cuts.length], data: BigInt64Array.from(cuts, BigInt) });
    this.#first.push(this.#node('Exp', [vector], [all]), this.#node('Split', [all, lengths], outputs, 0));
    // ONNX Runtime's operators on integers take the scale of a tensor as a scalar only.
    for (const [key, scale] of this.#scales)
      if (key.startsWith('a:')) this.#scales.set(key, this.#scalar(scale, this.#first));
  }

  #scalar(value: string, nodes: Node[]): string {
    const scalar = this.#builder.fresh('scale');
    const axes = this.#constant({ dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) });
    nodes.push(this.#node('Squeeze', [value, axes], [scalar]));
    return scalar;
  }

  #activation(activation: string, nodes: readonly Node[], renamed: Map<string, string>): void {
    const group = this.groups.get(activation) as string;
    const producer = nodes.find((n) => n.outputs.includes(activation)) ?? null;
    const isOutput = this.#index.outputs.has(activation);
    const source = isOutput ? this.#builder.fresh('y') : activation;
    const params = this.starting.activations.get(group) as AffineParams;
    const scale = this.#scales.get(`a:${group}`) as string;
    const output = isOutput ? activation : this.#builder.fresh('x');
    const list = this.#after.get(producer) ?? [];
    const within = this.#bounded(source, scale, params, list);
    list.push(...this.#pair(within, scale, this.#constant(zeroPointOf(params)), output));
    this.#after.set(producer, list);
    if (isOutput) renamed.set(activation, source);
    this.#rounded.set(activation, output);
  }

  /** The value cut off at the ends of fewer than 8 bits, which move with the scale. */
  #bounded(value: string, scale: string, { zeroPoint, kind, bits = 8 }: AffineParams, nodes: Node[]): string {
    if (bits === 8) return value;
    const { low, high } = levelsOf(kind, bits);
    const ends = [low, high].map((level) => {
      const end = this.#builder.fresh('end');
      const steps = this.#constant({ dtype: 'float32', dims: [], data: Float32Array.of(level - zeroPoint) });
      nodes.push(this.#node('Mul', [scale, steps], [end]));
      return end;
    });
    const output = this.#builder.fresh('c');
    nodes.push(this.#node('Clip', [value, ...ends], [output]));
    return output;
  }

  #weight({ key, weight, view }: LearningWeight): string {
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const { scales, bits } = this.starting.weights.get(key) as WeightScales;
    const dims = [scales.length];
    const zero = this.#constant(
      bits === 8
        ? { dtype: 'int8', dims, data: new Int8Array(scales.length) }
        : { dtype: 'int4', dims, data: new Uint8Array(Math.ceil(scales.length / 2)) },
    );
    const rounded = this.#builder.fresh('w');
    const own = this.#index.floats(weight)!.dims;
    const there = this.#turned(weight, view, own, view.dims);
    this.#first.push(...this.#pair(there, this.#scales.get(`w:${key}`) as string, zero, rounded, view.axis));
    const output = this.#turned(rounded, { split: view.split && besides(view.split) }, view.dims, own);
    this.#weights.set(key, output);
    return output;
  }

  /** A weight in the order of its view, or back. */
  #turned(value: string, { split }: Pick<View, 'split'>, from: readonly number[], to: readonly number[]): string {
    if (!split) return from.join() === to.join() ? value : this.#reshaped(value, to);
    const [apart, turned] = [this.#reshaped(value, split), this.#builder.fresh('w')];
    const attributes: [string, Attribute][] = [['perm', ints([0, 2, 1, 3])]];
    this.#first.push({ ...this.#node('Transpose', [apart], [turned]), attributes: new Map(attributes) });
    return this.#reshaped(turned, to);
  }

  #reshaped(value: string, dims: readonly number[]): string {
    const output = this.#builder.fresh('w');
    this.#first.push(this.#node('Reshape', [value, this.#constant(int64([dims.length], dims))], [output]));
    return output;
  }

  #pair(x: string, scale: string, zero: string, output: string, axis?: number): [Node, Node] {
    const levels = this.#builder.fresh('q');
    return [
      this.#node('QuantizeLinear', [x, scale, zero], [levels], axis),
      this.#node('DequantizeLinear', [levels, scale, zero], [output], axis),
    ];
  }

  #constant(value: Tensor): string {
    return this.#builder.constant(value, 'quantisation');
  }

  #node(op: string, inputs: string[], outputs: string[], axis?: number): Node {
    const attributes: Node['attributes'] = new Map(axis === undefined ? [] : [['axis', int(axis)]]);
    return { op, domain: '', name: '', inputs, outputs, attributes };
  }
}

/** A node of the source, and what it is in the copy. */
const keyOfNode = ({ outputs }: Node): string => outputs.find((output) => output !== '') as string;

const besides = ([a, b, c, d]: NonNullable<View['split']>): NonNullable<View['split']> => [a, c, b, d];

function readScales(starting: Starting, places: ReadonlyMap<string, Place>, vector: Float32Array): Starting {
  const at = (key: string): Float32Array => {
    const { offset, size } = places.get(key) as Place;
    return vector.slice(offset, offset + size).map(Math.exp);
  };
  return {
    activations: new Map(
      [...starting.activations].map(([name, params]) => [name, { ...params, scale: at(`a:${name}`)[0] as number }]),
    ),
    weights: new Map([...starting.weights].map(([key, { bits }]) => [key, { bits, scales: at(`w:${key}`) }])),
  };
}

/**
 * @param model the plan's, with operators of set 21 where weights have 4 bits
 * @param layers as `learningLayers` has them
 * @param groups by activation the representative whose parameters it shares
 */
export function trainable(
  model: Model,
  plan: QuantizationPlan,
  layers: readonly LearningLayer[],
  groups: ReadonlyMap<string, string>,
  starting: Starting,
): Trainable {
  return new Writer(model, plan, layers, groups, starting).run();
}
