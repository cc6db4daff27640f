/**
 * Lifts a forward model to the opset that the gradients are written in. Between opset 7 and 21 attributes became inputs,
 * Softmax stopped flattening and Upsample became Resize; what came after 21 is either the same or written from parts.
 */
import {
  attrFloat,
  attrFloats,
  attrInt,
  attrInts,
  attrString,
  float32,
  inferShapes,
  int,
  int64,
  str,
  valueTypes,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type ValueType,
} from '@verge/onnx';
import { TrainingError } from './errors.js';
import { withKnownIntegers, withKnownScales } from './known-constants.js';
import { OPSET } from './tape.js';

/** What a lift may ask for and add. */
interface Surroundings {
  readonly opset: number;
  constant(value: Tensor): string;
  /** A name for a value between nodes. */
  fresh(): string;
  /** Sizes of a value of the model as it was; every one of them is known. */
  shapeOf(name: string): readonly number[];
}

type Lift = (node: Node, around: Surroundings) => Node | Node[];

function without(node: Node, names: readonly string[], inputs: readonly string[]): Node {
  const attributes = new Map([...node.attributes].filter(([name]) => !names.includes(name)));
  return { ...node, inputs: [...inputs], attributes };
}

/** An integer-list attribute that became input `index`. */
function listToInput(attribute: string, index: number): Lift {
  return (node, { constant }) => {
    if (!node.attributes.has(attribute)) return node;
    const inputs = [...node.inputs];
    while (inputs.length < index) inputs.push('');
    const values = attrInts(node, attribute);
    inputs[index] = constant(int64([values.length], values));
    return without(node, [attribute], inputs);
  };
}

const axes = listToInput('axes', 1);

const repeated = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Softmax, LogSoftmax and Hardmax before opset 13 took all axes from `axis` on (1 unless given) as one. */
const flattening: Lift = (node, { opset, constant, fresh, shapeOf }) => {
  if (opset >= 13) return node;
  const shape = shapeOf(node.inputs[0]!);
  const given = attrInt(node, 'axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  const last = new Map([['axis', int(-1)]]);
  if (axis === shape.length - 1) return { ...node, attributes: last };
  const list = (sizes: readonly number[]): string => constant(int64([sizes.length], sizes));
  const [flat, normal] = [fresh(), fresh()];
  const reshape = (input: string, sizes: readonly number[], output: string): Node => ({
    ...{ op: 'Reshape', domain: '', name: '', attributes: new Map() },
    inputs: [input, list(sizes)],
    outputs: [output],
  });
  return [
    reshape(node.inputs[0]!, [repeated(shape.slice(0, axis)), repeated(shape.slice(axis))], flat),
    { ...node, inputs: [flat], outputs: [normal], attributes: last },
    reshape(normal, shape, node.outputs[0]!),
  ];
};

/** Upsample and Resize-10 know one way to place elements, which Resize has attributes for since opset 11. */
function asResize(node: Node, scales: string): Node {
  const placing = { coordinate_transformation_mode: str('asymmetric'), nearest_mode: str('floor') };
  const kept = [...node.attributes].filter(([name]) => name === 'mode');
  const attributes = new Map([...kept, ...Object.entries(placing)]);
  return { ...node, op: 'Resize', inputs: [node.inputs[0]!, '', scales], attributes };
}

/** Attributes that came after opset 21 and say what it does anyway. */
const dropping =
  (...names: string[]): Lift =>
  (node) =>
    names.some((name) => node.attributes.has(name)) ? without(node, names, node.inputs) : node;

const lifts: Readonly<Record<string, Lift>> = {
  ReduceL1: axes,
  ReduceL2: axes,
  ReduceLogSum: axes,
  ReduceLogSumExp: axes,
  ReduceMax: axes,
  ReduceMean: axes,
  ReduceMin: axes,
  ReduceProd: axes,
  ReduceSum: axes,
  ReduceSumSquare: axes,
  Squeeze: axes,
  Unsqueeze: axes,
  Hardmax: flattening,
  LogSoftmax: flattening,
  Softmax: flattening,
  Cast: dropping('round_mode'),
  QuantizeLinear: dropping('precision'),
  /** Split-18 wants to be told the number of outputs when it is not told their sizes. */
  Split(node, around) {
    if (node.attributes.has('split')) return listToInput('split', 1)(node, around);
    if (node.inputs[1] || node.attributes.has('num_outputs')) return node;
    return { ...node, attributes: new Map([...node.attributes, ['num_outputs', int(node.outputs.length)]]) };
  },
  GridSample(node) {
    const names: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };
    const mode = attrString(node, 'mode', 'linear');
    return { ...node, attributes: new Map([...node.attributes, ['mode', str(names[mode] ?? mode)]]) };
  },
  Scatter: (node) => ({ ...node, op: 'ScatterElements' }),
  TopK(node, { constant }) {
    if (!node.attributes.has('k')) return node;
    return without(node, ['k'], [node.inputs[0]!, constant(int64([1], [attrInt(node, 'k')]))]);
  },
  Upsample(node, { constant }) {
    const scales = node.inputs[1] ?? constant(float32([attrFloats(node, 'scales').length], attrFloats(node, 'scales')));
    return asResize(node, scales);
  },
  Resize: (node, { opset }) => (opset < 11 ? asResize(node, node.inputs[1]!) : node),
  Pad(node, { constant }) {
    if (!node.attributes.has('pads')) return node;
    const pads = attrInts(node, 'pads');
    const value = constant(float32([], [attrFloat(node, 'value', 0)]));
    return without(node, ['pads', 'value'], [node.inputs[0]!, constant(int64([pads.length], pads)), value]);
  },
  Slice(node, { constant }) {
    if (!node.attributes.has('starts')) return node;
    const list = (name: string, fallback?: readonly number[]): string => {
      const values = attrInts(node, name, fallback);
      return constant(int64([values.length], values));
    };
    const all = attrInts(node, 'starts').map((_, i) => i);
    const inputs = [node.inputs[0]!, list('starts'), list('ends'), list('axes', all)];
    return without(node, ['starts', 'ends', 'axes'], inputs);
  },
  Clip(node, { constant }) {
    if (!node.attributes.has('min') && !node.attributes.has('max')) return node;
    const bound = (name: string): string =>
      node.attributes.has(name) ? constant(float32([], [attrFloat(node, name)])) : '';
    return without(node, ['min', 'max'], [node.inputs[0]!, bound('min'), bound('max')]);
  },
  Dropout(node, { constant }) {
    if (!node.attributes.has('ratio')) return node;
    return without(node, ['ratio'], [node.inputs[0]!, constant(float32([], [attrFloat(node, 'ratio')]))]);
  },
  /** BatchNormalization-9 and earlier may carry `spatial`; only 1 means what the operator means now. */
  BatchNormalization(node) {
    if (attrInt(node, 'spatial', 1) !== 1)
      throw new TrainingError('bad-model', `node '${node.name}': spatial=0 is not trainable`);
    return without({ ...node, outputs: node.outputs.slice(0, 1) }, ['spatial', 'training_mode'], node.inputs);
  },
};

/** Sizes of the model's values, worked out when the first lift asks. */
function shapesOf(model: Model): (name: string) => readonly number[] {
  let types: Map<string, ValueType> | undefined;
  return (name) => {
    types ??= valueTypes(inferShapes(model, { fresh: true }).graph);
    const type = types.get(name);
    const shape = type?.kind === 'tensor' ? type.shape : undefined;
    if (shape?.every((d) => typeof d === 'number')) return shape;
    throw new TrainingError('bad-model', `the shape of value '${name}' is not known`);
  };
}

/**
 * The graph in the form of opset 21, its Constant nodes turned into initializers.
 * @throws TrainingError `bad-model` for opsets that this package does not know
 */
export function modernize(model: Model): Graph {
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 0;
  if (opset < 7 || opset > 26) throw new TrainingError('bad-model', `opset ${opset} is not between 7 and 26`);
  const initializers = new Map(model.graph.initializers);
  let count = 0;
  const constant = (value: Tensor): string => {
    const name = `lifted.${count++}`;
    initializers.set(name, { name, value });
    return name;
  };
  const around = { opset, constant, fresh: () => `lifted.${count++}`, shapeOf: shapesOf(model) };
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    const value = node.op === 'Constant' ? constantValue(node) : undefined;
    if (value) initializers.set(node.outputs[0]!, { name: node.outputs[0]!, value });
    else nodes.push(...[(node.domain === '' && lifts[node.op]?.(node, around)) || node].flat());
  }
  const opsets = lifted(model);
  const graph = withKnownIntegers({ ...model, opsets, graph: { ...model.graph, nodes, initializers } });
  return withKnownScales({ ...model, opsets, graph }, around.fresh);
}

function lifted(model: Model): Map<string, number> {
  const others = [...model.opsets].filter(([domain]) => domain !== 'ai.onnx');
  return new Map([...others, ['', OPSET]]);
}

function constantValue(node: Node): Tensor | undefined {
  const attribute = [...node.attributes.values()][0];
  switch (attribute?.kind) {
    case 'tensor':
      return 'data' in attribute.value.value ? attribute.value.value : undefined;
    case 'float':
      return float32([], [attribute.value]);
    case 'int':
      return int64([], [attribute.value]);
    case 'floats':
      return float32([attribute.value.length], attribute.value);
    case 'ints':
      return int64([attribute.value.length], attribute.value);
    default:
      return undefined;
  }
}
