/**
 * Which nodes become integer units, and which activations carry quantize/dequantize pairs. ONNX Runtime fuses a node
 * only when every input comes from a DequantizeLinear and the output goes into exactly one QuantizeLinear and nowhere else.
 */
import { attrFloat, attrInt, type Model, type Node } from '@verge/onnx';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { isPointwise } from './form.js';
import { dataOf, isWay, wayOf, type Way } from './operators.js';
import { asConv } from './transposed-conv.js';

/** The channel axis of the weight of each kind of weighted unit, by node. */
export interface WeightedUnit {
  node: Node;
  weight: string;
  /** Axis of the output channels in the weight. */
  axis: number;
  bias: string | null;
  /** A convolution over single places that gives floats, as a product of ONNX Runtime can and a convolution of its cannot. */
  asProduct?: boolean;
}

export interface QuantizationPlan {
  weighted: WeightedUnit[];
  /** Nodes computed on 8-bit integers without weights (Add, pooling). */
  plain: Node[];
  /** Nodes that only move values: the input and every output share their parameters. */
  moving: Node[];
  /** Activations that get a quantize/dequantize pair. */
  activations: Set<string>;
  declined: { node: string; reason: string }[];
}

/** All nodes that are computed on integers. */
export const integerNodes = ({ weighted, plain, moving }: QuantizationPlan): Set<Node> =>
  new Set([...weighted.map(({ node }) => node), ...plain, ...moving]);

/** The weighted unit that a node is, or the reason why it is none; null for other operators. */
function weightedUnit(node: Node, index: GraphIndex): WeightedUnit | string | null {
  if (node.domain !== '') return null;
  const [, weight, bias] = node.inputs;
  const inside = index.floats(weight);
  const hasBias = bias !== undefined && bias !== '';
  if (node.op === 'Conv') {
    if (!inside) return 'its weight is no float32 constant of the model';
    if (hasBias && !index.floats(bias)) return 'its bias is no float32 constant of the model';
    return { node, weight: weight as string, axis: 0, bias: hasBias ? bias : null };
  }
  if (node.op === 'ConvTranspose') {
    if (!inside) return 'its weight is no float32 constant of the model';
    if (hasBias && !index.floats(bias)) return 'its bias is no float32 constant of the model';
    const conv = asConv(node, inside.dims);
    return typeof conv === 'string' ? conv : { node, weight: weight as string, axis: 1, bias: hasBias ? bias : null };
  }
  if (node.op === 'Gemm') {
    if (!inside || inside.dims.length !== 2) return 'its second factor is no float32 constant of the model';
    if (attrInt(node, 'transA', 0) !== 0) return 'its first factor is transposed';
    if (attrFloat(node, 'alpha', 1) !== 1 || (hasBias && attrFloat(node, 'beta', 1) !== 1))
      return 'alpha or beta is not 1';
    const axis = attrInt(node, 'transB', 0) === 1 ? 0 : 1;
    const c = hasBias ? index.floats(bias) : null;
    if (hasBias && c?.data.length !== inside.dims[axis])
      return 'its bias is no float32 constant with one element a column';
    return { node, weight: weight as string, axis, bias: hasBias ? bias : null };
  }
  if (node.op === 'MatMul') {
    if (!inside)
      return index.constant(weight) === null
        ? 'both factors are activations: quantizing both of them takes most of what integers gain'
        : 'its second factor is no float32 constant of the model';
    if (inside.dims.length !== 2) return 'its second factor is no matrix';
    return { node, weight: weight as string, axis: 1, bias: null };
  }
  return null;
}

/** Follows a value through a Relu or Clip that alone reads it: ONNX Runtime folds both into the quantization behind. */
export function behindActivation(value: string, index: GraphIndex): string {
  const reader = index.soleReader(value);
  const folds = reader && reader.domain === '' && (reader.op === 'Relu' || reader.op === 'Clip');
  return folds ? (reader.outputs[0] as string) : value;
}

/** Operators with weights. */
export const LAYERS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN']);

class Planner {
  readonly index: GraphIndex;
  readonly plan: QuantizationPlan = { weighted: [], plain: [], moving: [], activations: new Set(), declined: [] };
  readonly integer = new Set<Node>();
  /** Layers, and what leads to one. */
  private readonly leading = new Set<Node>();

  constructor(
    readonly model: Model,
    readonly keep: ReadonlySet<string>,
  ) {
    this.index = new GraphIndex(model.graph);
  }

  run(): QuantizationPlan {
    const { nodes } = this.model.graph;
    for (const node of nodes) this.addWeighted(node);
    // Units without weights pay only between integer neighbours: forwards through the graph, so that chains grow.
    for (const node of nodes) this.addUnweighted(node);
    for (const node of nodes.toReversed()) this.dropAtEnd(node);
    for (const unit of this.plan.weighted) this.markWeighted(unit);
    for (const node of this.plan.plain) this.markPlain(node);
    for (const node of this.plan.moving) this.markMoving(node);
    return this.plan;
  }

  private addWeighted(node: Node): void {
    const unit = weightedUnit(node, this.index);
    if (unit && typeof unit !== 'string' && this.keep.has(nodeName(node)))
      this.plan.declined.push({ node: nodeName(node), reason: 'it stays in float32, as told' });
    else if (typeof unit === 'string') this.plan.declined.push({ node: nodeName(node), reason: unit });
    else if (unit) {
      this.plan.weighted.push(unit);
      this.integer.add(node);
    }
  }

  /** The node whose integer output a value is, seen back through a folded activation. */
  private integerSource(value: string): boolean {
    const producer = this.index.producers.get(value);
    if (!producer) return this.index.inputs.has(value);
    return this.integer.has(producer) || this.isFolded(producer);
  }

  private addUnweighted(node: Node): void {
    const way = wayOf(node);
    if (!isWay(way) || (way === 'cuts' && this.isFolded(node))) return;
    const data = dataOf(node, way);
    if (!this.isSurrounded(node, data, way)) return;
    const constant = data.find((i) => this.index.constant(i) !== null);
    if (constant !== undefined) {
      this.plan.declined.push({ node: nodeName(node), reason: `it reads the constant '${constant}'` });
      return;
    }
    (way === 'moves' ? this.plan.moving : this.plan.plain).push(node);
    this.integer.add(node);
  }

  /** Whether what the node reads comes from integers; constants are looked at by themselves. */
  private isSurrounded(node: Node, data: readonly string[], way: Way): boolean {
    const values = data.filter((i) => this.index.constant(i) === null);
    if (values.length === 0 || values.some((i) => this.index.inputs.has(i))) return false;
    if (values.every((i) => this.integerSource(i))) return true;
    // What only integers read is quantized whole anyway: better before the parts are put together, where some are integers.
    if (way !== 'own' || node.op !== 'Concat' || !values.some((i) => this.integerSource(i))) return false;
    const output = behindActivation(node.outputs[0] as string, this.index);
    const readers = this.index.readers(output);
    return !this.index.outputs.has(output) && readers.length > 0 && readers.every((reader) => this.integer.has(reader));
  }

  /**
   * What no integers read stays in floats, which the answer is the better for: a sum, a gate or parts put together, and what moves the
   * floats of a product. A mean is of so much more than it gives that it pays.
   */
  private dropAtEnd(node: Node): void {
    const moving = this.plan.moving.includes(node);
    if (!moving && !this.plan.plain.includes(node)) return;
    if (node.outputs.some((output) => this.readByInteger(behindActivation(output, this.index)))) return;
    if (moving ? !this.movesProduct(node) : node.op.endsWith('AveragePool')) return;
    const rest = (list: readonly Node[]): Node[] => list.filter((other) => other !== node);
    [this.plan.moving, this.plan.plain] = [rest(this.plan.moving), rest(this.plan.plain)];
    this.integer.delete(node);
    this.plan.declined.push({ node: nodeName(node), reason: 'nothing on integers reads its result' });
  }

  /** Whether what a node moves comes from a product, which gives floats as well. */
  private movesProduct(node: Node): boolean {
    const source = this.index.producers.get(node.inputs[0] as string);
    if (!source) return false;
    return this.plan.moving.includes(source)
      ? this.movesProduct(source)
      : this.integer.has(source) && (['Gemm', 'MatMul'].includes(source.op) || this.endsAsProduct(source));
  }

  /** Whether a convolution is written as a product where no integers read it. */
  private endsAsProduct(node: Node): boolean {
    const dims = this.index.floats(node.inputs[1])?.dims ?? [];
    return isPointwise(node, dims) && !this.leadsOn(node);
  }

  /** Whether a Relu or Clip is one with the integers in front of it. */
  private isFolded(node: Node): boolean {
    const before = node.inputs[0] as string;
    const source = this.index.producers.get(before);
    return (
      source !== undefined &&
      this.integer.has(source) &&
      !this.plan.moving.includes(source) &&
      behindActivation(before, this.index) === node.outputs[0]
    );
  }

  /** True when some reader of the value, seen through a folded activation, computes on integers. */
  private readByInteger(value: string): boolean {
    return this.index.readers(value).some((reader) => this.integer.has(reader));
  }

  private markWeighted(unit: WeightedUnit): void {
    const { node } = unit;
    this.plan.activations.add(node.inputs[0] as string);
    const output = behindActivation(node.outputs[0] as string, this.index);
    // A product whose result goes on in float keeps it: ONNX Runtime has integer products with float results, and the scores
    // of a classifier lose nothing. A convolution is only fused with an integer output.
    const read = this.readByInteger(output);
    if (!read && this.endsAsProduct(node)) unit.asProduct = true;
    else if (read || node.op.startsWith('Conv')) this.plan.activations.add(output);
  }

  /** Whether a further layer comes behind a node. */
  private leadsOn(node: Node): boolean {
    if (this.leading.size === 0)
      for (const one of this.model.graph.nodes.toReversed())
        if (LAYERS.has(one.op) || this.behind(one).some((reader) => this.leading.has(reader))) this.leading.add(one);
    return this.behind(node).some((reader) => this.leading.has(reader));
  }

  private behind(node: Node): Node[] {
    return node.outputs.flatMap((output) => [...this.index.readers(output)]);
  }

  private markPlain(node: Node): void {
    for (const input of dataOf(node, wayOf(node) as Way)) this.plan.activations.add(input);
    this.plan.activations.add(behindActivation(node.outputs[0] as string, this.index));
  }

  private markMoving(node: Node): void {
    for (const value of [node.inputs[0] as string, ...node.outputs]) if (value !== '') this.plan.activations.add(value);
  }
}

/** @param keep names of nodes with weights that stay in float32; what has no weights follows its neighbours */
export function planQuantization(model: Model, keep: ReadonlySet<string> = new Set()): QuantizationPlan {
  return new Planner(model, keep).run();
}

/**
 * Activations that must have equal parameters: input and outputs of every moving node.
 * @returns the representative of each activation
 */
export function tieActivations(plan: QuantizationPlan): Map<string, string> {
  const parent = new Map([...plan.activations].map((a) => [a, a]));
  const find = (a: string): string => {
    let at = a;
    while (parent.get(at) !== at) at = parent.get(at) as string;
    return at;
  };
  for (const node of plan.moving)
    for (const output of node.outputs) if (output !== '') parent.set(find(output), find(node.inputs[0] as string));
  return new Map([...plan.activations].map((a) => [a, find(a)]));
}
