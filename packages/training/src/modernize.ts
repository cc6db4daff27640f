/**
 * Lifts a forward model to the opset that the gradients are written in. Between opset 7 and 21 the operators of the
 * gradient table changed in one respect that matters here: attributes became inputs.
 */
import {
  attrFloat,
  attrInt,
  attrInts,
  float32,
  int64,
  type Graph,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { TrainingError } from './errors.js';

type Lift = (node: Node, constant: (value: Tensor) => string) => Node;

function without(node: Node, names: readonly string[], inputs: readonly string[]): Node {
  const attributes = new Map([...node.attributes].filter(([name]) => !names.includes(name)));
  return { ...node, inputs: [...inputs], attributes };
}

/** An integer-list attribute that became input `index`. */
function listToInput(attribute: string, index: number): Lift {
  return (node, constant) => {
    if (!node.attributes.has(attribute)) return node;
    const inputs = [...node.inputs];
    while (inputs.length < index) inputs.push('');
    const values = attrInts(node, attribute);
    inputs[index] = constant(int64([values.length], values));
    return without(node, [attribute], inputs);
  };
}

const axes = listToInput('axes', 1);

const lifts: Readonly<Record<string, Lift>> = {
  ReduceSum: axes,
  ReduceMean: axes,
  ReduceMax: axes,
  Squeeze: axes,
  Unsqueeze: axes,
  Split: listToInput('split', 1),
  Pad(node, constant) {
    if (!node.attributes.has('pads')) return node;
    const pads = attrInts(node, 'pads');
    const value = constant(float32([], [attrFloat(node, 'value', 0)]));
    return without(node, ['pads', 'value'], [node.inputs[0]!, constant(int64([pads.length], pads)), value]);
  },
  Slice(node, constant) {
    if (!node.attributes.has('starts')) return node;
    const list = (name: string, fallback?: readonly number[]): string => {
      const values = attrInts(node, name, fallback);
      return constant(int64([values.length], values));
    };
    const all = attrInts(node, 'starts').map((_, i) => i);
    const inputs = [node.inputs[0]!, list('starts'), list('ends'), list('axes', all)];
    return without(node, ['starts', 'ends', 'axes'], inputs);
  },
  Clip(node, constant) {
    if (!node.attributes.has('min') && !node.attributes.has('max')) return node;
    const bound = (name: string): string =>
      node.attributes.has(name) ? constant(float32([], [attrFloat(node, name)])) : '';
    return without(node, ['min', 'max'], [node.inputs[0]!, bound('min'), bound('max')]);
  },
  Dropout(node, constant) {
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

/** Softmax before opset 13 flattened to two axes from `axis` (1 unless given); equal to today's on two axes only. */
function checkSoftmax(model: Model, opset: number): void {
  if (opset >= 13) return;
  const old = model.graph.nodes.find(
    (n) => (n.op === 'Softmax' || n.op === 'LogSoftmax') && attrInt(n, 'axis', 1) !== 1,
  );
  if (old)
    throw new TrainingError(
      'bad-model',
      `node '${old.name}': ${old.op} of opset ${opset} on axis ${attrInt(old, 'axis', 1)}`,
    );
}

/**
 * The graph in the form of opset 21, its Constant nodes turned into initializers.
 * @throws TrainingError `bad-model` for opsets that this package does not know
 */
export function modernize(model: Model): Graph {
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 0;
  if (opset < 7 || opset > 25) throw new TrainingError('bad-model', `opset ${opset} is not between 7 and 25`);
  checkSoftmax(model, opset);
  const initializers = new Map(model.graph.initializers);
  let count = 0;
  const constant = (value: Tensor): string => {
    const name = `lifted.${count++}`;
    initializers.set(name, { name, value });
    return name;
  };
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    const value = node.op === 'Constant' ? constantValue(node) : undefined;
    if (value) initializers.set(node.outputs[0]!, { name: node.outputs[0]!, value });
    else nodes.push(node.domain === '' ? (lifts[node.op]?.(node, constant) ?? node) : node);
  }
  return { ...model.graph, nodes, initializers };
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
