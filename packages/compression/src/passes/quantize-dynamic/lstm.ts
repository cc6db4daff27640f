/** LSTM on integers: DynamicQuantizeLSTM of ONNX Runtime (ContribOperators.md), whose weights stand transposed. */
import { attrInt, type GraphBuilder, type Node, type TensorOf } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';
import { quantizeWeight } from '../quantize-static/scale.js';

export interface WeightForm {
  readonly scale: 'channel' | 'tensor';
  /** See `quantizeWeight`. */
  readonly narrow: boolean;
}

/** Why an LSTM cannot be computed so, or null. */
export function reasonAgainstLstm(node: Node, index: GraphIndex): string | null {
  for (const place of [1, 2])
    if (!index.floats(node.inputs[place])) return 'its weights are no float32 constants of the model';
  if (attrInt(node, 'layout', 0) !== 0)
    return 'its batch comes first (`layout`), which the operator on integers has no way to say';
  return null;
}

/** [directions, 4 * hidden, width] in int8 as [directions, width, 4 * hidden], with scales and zero points. */
function quantized(
  { dims, data }: { dims: readonly number[]; data: Float32Array },
  { scale, narrow }: WeightForm,
): { weight: TensorOf<'int8'>; scales: TensorOf<'float32'>; zeros: TensorOf<'int8'>; narrowed: number } {
  const [directions, gates, width] = dims as [number, number, number];
  const channels = scale === 'channel' ? directions * gates : directions;
  const made = quantizeWeight(data, [channels, data.length / channels], 0, { narrow });
  const turned = new Int8Array(data.length);
  for (let d = 0; d < directions; d++)
    for (let g = 0; g < gates; g++)
      for (let w = 0; w < width; w++)
        turned[(d * width + w) * gates + g] = made.data[(d * gates + g) * width + w] as number;
  const shape = scale === 'channel' ? [directions, gates] : [directions];
  return {
    weight: { dtype: 'int8', dims: [directions, width, gates], data: turned },
    scales: { dtype: 'float32', dims: shape, data: made.scales },
    zeros: { dtype: 'int8', dims: shape, data: new Int8Array(channels) },
    narrowed: made.narrowed,
  };
}

/** The LSTM on integers. */
export function integerLstm(
  node: Node,
  index: GraphIndex,
  builder: GraphBuilder,
  form: WeightForm,
): { node: Node; narrowed: number } {
  const parts = [1, 2].map((place) => quantized(index.floats(node.inputs[place])!, form));
  const stored = parts.map(({ weight, scales, zeros }) => ({
    weight: builder.constant(weight, 'w'),
    rest: [builder.constant(scales, 'scale'), builder.constant(zeros, 'zero')],
  }));
  const others = [3, 4, 5, 6, 7].map((place) => node.inputs[place] ?? '');
  const inputs = [
    node.inputs[0] as string,
    ...stored.map((s) => s.weight),
    ...others,
    ...stored.flatMap((s) => s.rest),
  ];
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'layout'));
  return {
    node: { ...node, op: 'DynamicQuantizeLSTM', domain: 'com.microsoft', inputs, attributes },
    narrowed: parts.reduce((sum, { narrowed }) => sum + narrowed, 0),
  };
}
