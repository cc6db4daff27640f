/** Which inputs of operators are parameters, by the operator alone: weights and biases of layers, scales and shifts of normalisations. */
import { FAKE_QUANTIZE } from './gradients/fake-quantize.js';
import { isDefaultDomain, type Graph, type Node, type StoredTensor } from '@verge/onnx';

export type ParameterRole = 'weight' | 'bias' | 'scale' | 'shift';

/** X, W, R, B; lengths and initial states are data. LSTM has peepholes behind them. */
const recurrent = [undefined, 'weight', 'weight', 'bias'] as const;

const product = [undefined, 'weight', 'bias'] as const;
const matrices = ['weight', 'weight'] as const;

/** Roles by operator and input index; names of other domains are qualified. Weight decay touches weights only. */
const roles: Readonly<Record<string, readonly (ParameterRole | undefined)[]>> = {
  Conv: product,
  ConvTranspose: product,
  Gemm: ['weight', 'weight', 'bias'],
  MatMul: matrices,
  BatchNormalization: [undefined, 'scale', 'shift'],
  GroupNormalization: [undefined, 'scale', 'shift'],
  InstanceNormalization: [undefined, 'scale', 'shift'],
  LayerNormalization: [undefined, 'scale', 'shift'],
  RMSNormalization: [undefined, 'scale'],
  PRelu: [undefined, 'scale'],
  Gather: ['weight'],
  RNN: recurrent,
  GRU: recurrent,
  LSTM: [...recurrent, undefined, undefined, undefined, 'weight'],
  MatMulInteger: [undefined, 'weight'],
  ConvInteger: [undefined, 'weight'],
  SimplifiedLayerNormalization: [undefined, 'scale'],
  'com.microsoft.Attention': product,
  'com.microsoft.BiasGelu': [undefined, 'bias'],
  'com.microsoft.EmbedLayerNormalization': [undefined, undefined, 'weight', 'weight', 'weight', 'scale', 'shift'],
  'com.microsoft.FastGelu': [undefined, 'bias'],
  'com.microsoft.FusedConv': product,
  'com.microsoft.FusedGemm': ['weight', 'weight', 'bias'],
  'com.microsoft.FusedMatMul': matrices,
  'com.microsoft.MatMulNBits': [undefined, undefined, undefined, undefined, undefined, 'bias'],
  'com.microsoft.MultiHeadAttention': [undefined, undefined, undefined, 'bias'],
  'com.microsoft.SkipLayerNormalization': [undefined, undefined, 'scale', 'shift', 'bias'],
  'com.microsoft.SkipSimplifiedLayerNormalization': [undefined, undefined, 'scale', 'bias'],
  'com.microsoft.TransposeMatMul': matrices,
};

/** An operator as the table above has it. */
export const qualified = ({ domain, op }: Node): string => (isDefaultDomain(domain) ? op : `${domain}.${op}`);

/** The values of a float32 constant that lives in the model. */
export function floatsOf(stored: StoredTensor | undefined): Float32Array | undefined {
  return stored && 'data' in stored.value && stored.value.dtype === 'float32' ? stored.value.data : undefined;
}

/** Operators whose result a following Add may give a bias. */
const PRODUCTS: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'Einsum',
  'MatMul',
  'com.microsoft.FusedMatMul',
  'com.microsoft.TransposeMatMul',
]);

/** Operators that only change how a constant is stored or lies; a weight that is quantised in training is behind two of them. */
const VEILS: ReadonlySet<string> = new Set([
  'DequantizeLinear',
  FAKE_QUANTIZE,
  'Identity',
  'QuantizeLinear',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/**
 * The InstanceNormalization inside a GroupNormalization that was written in parts: groups are rolled into channels and back, and
 * the scale and shift come behind. Its own are 1 and 0 and no parameters.
 */
export function groupsInParts(graph: Graph): Set<Node> {
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const readers = (value: string): Node[] => graph.nodes.filter((n) => n.inputs.includes(value));
  const isAll = (name: string, value: number): boolean =>
    floatsOf(graph.initializers.get(name))?.every((v) => v === value) ?? false;
  const found = graph.nodes.filter((node) => {
    if (node.op !== 'InstanceNormalization' || makers.get(node.inputs[0]!)?.op !== 'Reshape') return false;
    if (!isAll(node.inputs[1]!, 1) || !isAll(node.inputs[2]!, 0)) return false;
    const [back, another] = readers(node.outputs[0]!);
    if (back?.op !== 'Reshape' || another) return false;
    // The scale may still be unsqueezed in the graph.
    const stored = (i: string): boolean =>
      graph.initializers.has(/squeeze$|^Reshape$/.test(makers.get(i)?.op ?? '') ? makers.get(i)!.inputs[0]! : i);
    return readers(back.outputs[0]!).some((n) => n.op === 'Mul' && n.inputs.some(stored));
  });
  return new Set(found);
}

const isWide = (stored: StoredTensor | undefined): boolean =>
  stored !== undefined && stored.value.dims.filter((d) => d > 1).length > 1;

/** Any operand of an Einsum may be its weight. */
const rolesOf = (node: Node): readonly (ParameterRole | undefined)[] =>
  node.op === 'Einsum' ? node.inputs.map(() => 'weight') : (roles[qualified(node)] ?? []);

/** What an operator's input is to training where a constant is read there; undefined where it is data. */
export function roleAt(node: Node, index: number): ParameterRole | undefined {
  return rolesOf(node)[index];
}

/**
 * Constants that are parameters by the operator that reads them: weights and biases of products, convolutions and recurrent
 * layers, scales and shifts of normalisations, slopes of PRelu, embeddings, and the bias that is added to a product.
 */
export function parametersOfLayers(graph: Graph): Map<string, ParameterRole> {
  const found = new Map<string, ParameterRole>();
  const products = new Set(graph.nodes.filter((n) => PRODUCTS.has(qualified(n))).map((n) => n.outputs[0]!));
  const veils = new Map(graph.nodes.filter((n) => VEILS.has(n.op)).map((n) => [n.outputs[0]!, n.inputs[0]!]));
  const veiled = (name: string): string => {
    while (veils.has(name)) name = veils.get(name)!;
    return name;
  };
  const consider = (name: string | undefined, role: ParameterRole | undefined): void => {
    name = name === undefined ? name : veiled(name);
    if (name && role && !found.has(name) && floatsOf(graph.initializers.get(name))) found.set(name, role);
  };
  const grouped = groupsInParts(graph);
  for (const node of graph.nodes) {
    if (grouped.has(node)) continue;
    node.inputs.forEach((input, i) => consider(input, rolesOf(node)[i]));
    if (qualified(node) !== 'Add' || !node.inputs.some((i) => products.has(i))) continue;
    // What differs along several axes is no bias: positions, or a mask on the scores of an attention.
    for (const i of node.inputs) if (!isWide(graph.initializers.get(veiled(i)))) consider(i, 'bias');
  }
  return found;
}
