/** Size and work of a model, counted from its graph. */
import { elementCount, summarize, type Model } from '@verge/onnx';

export interface Figures {
  /** Elements of the constants that the layers read: weights, biases, normalisation; not scales, zero points, scalars or shapes. */
  parameters: number;
  /** Multiply-accumulate operations for one sample; null when a layer's shape is unknown. */
  macs: number | null;
}

/** What a dequantizer needs besides the values is no parameter of the network. */
function countParameters(model: Model): number {
  const { nodes, initializers } = model.graph;
  const helping = new Set<string>();
  for (const node of nodes) {
    if (node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear')
      for (const name of node.inputs.slice(1)) helping.add(name);
  }
  let count = 0;
  for (const [name, { value }] of initializers) {
    const weight =
      value.dims.length > 0 && value.dtype !== 'int64' && value.dtype !== 'bool' && value.dtype !== 'string';
    if (weight && !helping.has(name)) count += elementCount(value.dims);
  }
  return count;
}

/** Samples that one run takes: a fixed leading dimension of the first input. */
function batchOf(model: Model): number {
  const type = model.graph.inputs.find((i) => !model.graph.initializers.has(i.name))?.type;
  const first = type?.kind === 'tensor' ? type.shape?.[0] : null;
  return typeof first === 'number' && first > 0 ? first : 1;
}

export function figuresOf(model: Model): Figures {
  const { macs } = summarize(model);
  return { parameters: countParameters(model), macs: macs === null ? null : Math.round(macs / batchOf(model)) };
}
