/** How nodes read constants that are quantised: by which scale and zero point. */
import { attrInt, isDefaultDomain, type Graph, type Node } from '@verge/onnx';
import type { Quantisation } from './stored-types.js';

/** DequantizeLinear says it itself. */
function dequantised(node: Node): Quantisation {
  return {
    scale: node.inputs[1]!,
    zero: node.inputs[2] ?? '',
    axis: attrInt(node, 'axis', 1),
    blockSize: attrInt(node, 'block_size', 0),
  };
}

/**
 * MatMulInteger and ConvInteger, whose result is cast and multiplied with the product of the scale that DynamicQuantizeLinear found and
 * the weight's.
 * @returns how an input is read, undefined where it is no quantised constant or nobody says its scale
 */
export function quantisedReads(graph: Graph): (node: Node, index: number) => Quantisation | undefined {
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) for (const i of node.inputs) readers.set(i, [...(readers.get(i) ?? []), node]);
  const only = (value: string, op: string): Node | undefined => {
    const [reader, another] = readers.get(value) ?? [];
    return reader?.op === op && !another ? reader : undefined;
  };
  const dims = (name: string): readonly number[] | undefined => graph.initializers.get(name)?.value.dims;
  const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

  const product = (node: Node): Quantisation | undefined => {
    // Some quantisers add the bias, as whole numbers, before.
    const sum = only(node.outputs[0]!, 'Add') ?? node;
    const cast = only(sum.outputs[0]!, 'Cast');
    const scaled = cast && only(cast.outputs[0]!, 'Mul');
    const factor = scaled?.inputs.find((i) => i !== cast!.outputs[0]);
    const both = factor === undefined ? undefined : makers.get(factor);
    const weight = dims(node.inputs[1]!);
    if (both?.op !== 'Mul' || !weight) return undefined;
    const scale = both.inputs.find((i) => graph.initializers.get(i)?.value.dtype === 'float32');
    const found = both.inputs.some((i) => makers.get(i)?.op === 'DynamicQuantizeLinear');
    if (scale === undefined || !found) return undefined;
    const zero = node.inputs[3] ?? '';
    const [count, axis] = [elements(dims(scale)!), weight.length - 1];
    const perColumn = node.op === 'MatMulInteger' && dims(scale)!.length === 1 && count === weight[axis];
    if (count !== 1 && !perColumn) return undefined;
    if (zero !== '' && (!dims(zero) || elements(dims(zero)!) !== count)) return undefined;
    return { scale, zero, axis, blockSize: 0 };
  };

  return (node, index) => {
    const known = isDefaultDomain(node.domain);
    if (node.op === 'DequantizeLinear' && index === 0 && (known || node.domain === 'com.microsoft'))
      return dequantised(node);
    const multiplies = node.op === 'MatMulInteger' || node.op === 'ConvInteger';
    return known && multiplies && index === 1 ? product(node) : undefined;
  };
}
