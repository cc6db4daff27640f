import type { Node } from '@verge/onnx';
import type { GraphIndex } from '../graph-index.js';
import { absorb, foldIntoLayer, type Affine } from './affine.js';
import type { Match, Rule } from './rule.js';

interface ConvStep extends Match {
  nodes: readonly [Node, Node];
  constant: string;
}

/** The constant as one value for each channel of [N, C, ...]; null when it varies along another axis. */
function perChannel(name: string, rank: number, channels: number, index: GraphIndex): Float32Array | null {
  const tensor = index.floats(name);
  if (!tensor || tensor.dims.length > rank) return null;
  const axis = 1 - (rank - tensor.dims.length);
  if (tensor.dims.some((d, i) => d !== 1 && i !== axis)) return null;
  if (tensor.data.length === 1) return new Float32Array(channels).fill(tensor.data[0] as number);
  return tensor.data.length === channels ? tensor.data : null;
}

/** Conv, then Add or Mul with a constant for each channel: the constant goes into bias and weights. */
export const constantIntoConv: Rule<ConvStep> = {
  name: 'constant-into-conv',
  pattern(node, index) {
    if (node.domain !== '' || (node.op !== 'Add' && node.op !== 'Mul') || node.inputs.length !== 2) return null;
    const side = node.inputs.findIndex((name) => index.constant(name) !== null);
    const conv = side < 0 ? undefined : index.producers.get(node.inputs[1 - side] as string);
    if (!conv || conv.domain !== '' || conv.op !== 'Conv') return null;
    return { nodes: [conv, node], constant: node.inputs[side] as string };
  },
  check({ nodes: [conv, step], constant }, index) {
    if (index.soleReader(conv.outputs[0] as string) !== step) return 'the convolution has other readers';
    const weight = index.floats(conv.inputs[1]);
    if (!weight) return 'the weight is no float32 constant of the model';
    if (conv.inputs[2] && !index.floats(conv.inputs[2])) return 'the bias is no float32 constant of the model';
    return perChannel(constant, weight.dims.length, weight.dims[0] as number, index)
      ? null
      : 'the constant is not one value for each channel';
  },
  rewrite({ nodes: [conv, step], constant }, index, model) {
    const dims = (index.floats(conv.inputs[1]) as { dims: readonly number[] }).dims;
    const channels = dims[0] as number;
    const values = Float64Array.from(perChannel(constant, dims.length, channels, index) as Float32Array);
    const affine: Affine =
      step.op === 'Mul'
        ? { scale: values, shift: new Float64Array(channels) }
        : { scale: new Float64Array(channels).fill(1), shift: values };
    foldIntoLayer(conv, 0, affine, index, model);
    absorb(conv, step, model);
  },
};
