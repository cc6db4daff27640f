/** Size and work of a model, counted from its graph. */
import { attrInt, elementCount, inferShapes, valueTypes, type Model, type Node, type ValueType } from '@verge/onnx';

export interface Figures {
  /** Elements of the constants that the layers read: weights, biases, normalisation; not scales, zero points or shapes. */
  parameters: number;
  /** Multiply-accumulate operations of Conv, ConvTranspose, Gemm and MatMul for one sample; null when a shape is unknown. */
  macs: number | null;
}

function countParameters(model: Model): number {
  const { nodes, initializers } = model.graph;
  const helping = new Set<string>();
  for (const node of nodes) {
    if (node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear')
      for (const name of node.inputs.slice(1)) helping.add(name);
  }
  let count = 0;
  for (const [name, { value }] of initializers) {
    if (!helping.has(name) && value.dtype !== 'int64' && value.dtype !== 'bool' && value.dtype !== 'string')
      count += elementCount(value.dims);
  }
  return count;
}

const counted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** NaN when the node's shapes are unknown. */
function macsOf(node: Node, shape: (name: string | undefined) => readonly number[] | null): number {
  if (node.domain !== '' || !counted.has(node.op)) return 0;
  const [x, w, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
  if (!x || !w || !y) return NaN;
  switch (node.op) {
    case 'Conv':
      return elementCount(y) * elementCount(w.slice(1));
    case 'ConvTranspose':
      return elementCount(x) * elementCount(w.slice(1));
    case 'Gemm':
      return elementCount(y) * (attrInt(node, 'transA', 0) ? (x[0] as number) : (x[1] as number));
    case 'MatMul':
      return elementCount(y) * (x.at(-1) as number);
    default:
      return 0;
  }
}

function known(type: ValueType | undefined): readonly number[] | null {
  if (type?.kind !== 'tensor' || !type.shape?.every((d): d is number => typeof d === 'number')) return null;
  return type.shape as readonly number[];
}

/** The model with every open leading dimension of its inputs set to one sample. */
function oneSample(model: Model): Model {
  const inputs = model.graph.inputs.map((input) => {
    if (input.type?.kind !== 'tensor' || !input.type.shape || model.graph.initializers.has(input.name)) return input;
    return {
      ...input,
      type: { ...input.type, shape: input.type.shape.map((d, i) => (i === 0 && typeof d !== 'number' ? 1 : d)) },
    };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

export function figuresOf(model: Model): Figures {
  const inferred = inferShapes(oneSample(model), { fresh: true });
  const types = valueTypes(inferred.graph);
  const fixed =
    known(types.get(inferred.graph.inputs.find((i) => !inferred.graph.initializers.has(i.name))?.name ?? ''))?.[0] ?? 1;
  const shape = (name: string | undefined): readonly number[] | null => (name ? known(types.get(name)) : null);
  const macs = inferred.graph.nodes.reduce((n, node) => n + macsOf(node, shape), 0);
  return { parameters: countParameters(model), macs: Number.isNaN(macs) ? null : Math.round(macs / fixed) };
}
