/**
 * Which nodes become integer units, and which activations carry quantize/dequantize pairs. ONNX Runtime fuses a node
 * only when every input comes from a DequantizeLinear and the output goes into exactly one QuantizeLinear and nowhere else.
 */
import { attrFloat, attrInt, type Model, type Node } from '@verge/onnx';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';

/** The channel axis of the weight of each kind of weighted unit, by node. */
export interface WeightedUnit {
  node: Node;
  weight: string;
  /** Axis of the output channels in the weight. */
  axis: number;
  bias: string | null;
}

export interface QuantizationPlan {
  weighted: WeightedUnit[];
  /** Nodes computed on 8-bit integers without weights (Add, pooling). */
  plain: Node[];
  /** Nodes that only move values: input and output share their parameters. */
  moving: Node[];
  /** Activations that get a quantize/dequantize pair. */
  activations: Set<string>;
  declined: { node: string; reason: string }[];
}

const movingOps = new Set(['MaxPool', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose']);
const plainOps = new Set(['Add', 'Mul', 'GlobalAveragePool', 'AveragePool', 'Concat']);

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
    if (!inside) return 'its second factor is no float32 constant of the model';
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

class Planner {
  readonly index: GraphIndex;
  readonly plan: QuantizationPlan = { weighted: [], plain: [], moving: [], activations: new Set(), declined: [] };
  readonly integer = new Set<Node>();

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
    for (const unit of this.plan.weighted) this.markWeighted(unit);
    for (const node of [...this.plan.plain, ...this.plan.moving]) this.markAll(node);
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
    if (this.integer.has(producer)) return true;
    const before = producer.inputs[0] as string;
    const source = this.index.producers.get(before);
    return source !== undefined && this.integer.has(source) && behindActivation(before, this.index) === value;
  }

  private addUnweighted(node: Node): void {
    if (node.domain !== '' || !(plainOps.has(node.op) || movingOps.has(node.op))) return;
    const moving = movingOps.has(node.op);
    const data = moving ? node.inputs.slice(0, 1) : node.inputs.filter((i) => i !== '');
    const constant = data.find((i) => this.index.constant(i) !== null);
    if (constant !== undefined) {
      this.plan.declined.push({ node: nodeName(node), reason: `it reads the constant '${constant}'` });
      return;
    }
    if (
      !data.every((i) => this.integerSource(i)) ||
      data.some((i) => this.index.inputs.has(i)) ||
      node.outputs.length !== 1
    )
      return;
    (moving ? this.plan.moving : this.plan.plain).push(node);
    this.integer.add(node);
  }

  /** True when some reader of the value, seen through a folded activation, computes on integers. */
  private readByInteger(value: string): boolean {
    return this.index.readers(value).some((reader) => this.integer.has(reader));
  }

  private markWeighted({ node }: WeightedUnit): void {
    this.plan.activations.add(node.inputs[0] as string);
    const output = behindActivation(node.outputs[0] as string, this.index);
    // A product whose result goes on in float keeps it: ONNX Runtime has integer products with float results, and the scores
    // of a classifier lose nothing. A convolution is only fused with an integer output.
    if (node.op === 'Conv' || this.readByInteger(output)) this.plan.activations.add(output);
  }

  private markAll(node: Node): void {
    const inputs = this.plan.moving.includes(node) ? node.inputs.slice(0, 1) : node.inputs.filter((i) => i !== '');
    for (const input of inputs) this.plan.activations.add(input);
    const output = node.outputs[0] as string;
    this.plan.activations.add(this.plan.moving.includes(node) ? output : behindActivation(output, this.index));
  }
}

/**
 * @param keep names of nodes with weights that stay in float32; what has no weights follows its neighbours
 */
export function planQuantization(model: Model, keep: ReadonlySet<string> = new Set()): QuantizationPlan {
  return new Planner(model, keep).run();
}

/**
 * Activations that must have equal parameters: input and output of every moving node.
 * @returns the representative of each activation
 */
export function tieActivations(plan: QuantizationPlan): Map<string, string> {
  const parent = new Map([...plan.activations].map((a) => [a, a]));
  const find = (a: string): string => {
    let at = a;
    while (parent.get(at) !== at) at = parent.get(at) as string;
    return at;
  };
  for (const node of plan.moving) parent.set(find(node.outputs[0] as string), find(node.inputs[0] as string));
  return new Map([...plan.activations].map((a) => [a, find(a)]));
}
