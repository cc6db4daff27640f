/** What a training left, as a device runs it: pairs of QuantizeLinear and DequantizeLinear, and int8 weights of recurrent layers. */
import { eliminateDeadCode, GraphBuilder, type Model } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { withStoredWeights } from '../quantize-dynamic/stored.js';
import { keyOf } from '../quantize-static/form.js';
import { insertQdq } from '../quantize-static/insert.js';
import { planQuantization } from '../quantize-static/plan.js';
import { quantizeWeightAt, type GivenScales } from '../quantize-static/scale.js';
import { isRecurrent, type LearningLayer } from './layers.js';
import type { Starting, WeightScales } from './trainable.js';

const ends = (bits: number): { low: number; high: number } => ({
  low: -(2 ** (bits - 1)),
  high: 2 ** (bits - 1) - 1,
});

/**
 * Weights of 4 bits as int8: each level is written as a multiple of itself, and the scale as the same part, so that the bias, whose scale is
 * the product of the weight's and the input's, is rounded as finely as with weights of 8 bits. Two of 8 * 8 fit where pairs of products are
 * added in 16 bits.
 */
const spreadOut = ({ scales, bits }: WeightScales, narrow: boolean): GivenScales => {
  const times = bits === 8 ? 1 : narrow ? 8 : 16;
  return { scales: scales.map((scale) => scale / times), ...ends(bits), times };
};

/** Weights of recurrent layers as int8, which a constant product makes floats of. */
function withRecurrent(
  quantized: Model,
  stored: readonly LearningLayer[],
  weights: Starting['weights'],
): { model: Model; cutOff: number } {
  const index = new GraphIndex(quantized.graph);
  const model = cloneModel(quantized);
  const builder = new GraphBuilder(model.graph);
  const known = new Map<string, string>();
  const first = new Set(stored.map((layer) => layer.weights[0]!.weight));
  let cutOff = 0;
  model.graph.nodes = model.graph.nodes.flatMap((node) => {
    if (!isRecurrent(node) || !first.has(node.inputs[1] as string)) return [node];
    return withStoredWeights(node, index, builder, known, (weight, data, dims) => {
      const { scales, bits } = weights.get(keyOf({ weight, axis: 0 })) as WeightScales;
      const made = quantizeWeightAt(data, dims, 0, { scales, ...ends(bits), times: 1 }, { narrow: false });
      cutOff += made.cutOff ?? 0;
      return made;
    });
  });
  return { model: eliminateDeadCode(model), cutOff };
}

/**
 * @param source with the weights and biases that were trained
 * @param layers of the source
 * @param groups by activation the representative whose parameters it shares
 * @param narrow see `quantizeWeight`
 */
export function written(
  source: Model,
  layers: readonly LearningLayer[],
  groups: ReadonlyMap<string, string>,
  { activations, weights }: Starting,
  narrow: boolean,
): { model: Model; changes: Record<string, number> } {
  const params = new Map([...groups].map(([name, group]) => [name, activations.get(group)!]));
  const learned = new Map([...weights].map(([key, one]) => [key, spreadOut(one, narrow)]));
  const { model: inserted, changes } = insertQdq(source, planQuantization(source), params, { narrow, learned });
  const stored = layers.filter((layer) => layer.stored);
  const { model, cutOff } = withRecurrent(inserted, stored, weights);
  const ofStored = new Set(stored.flatMap((layer) => layer.weights.map(({ key }) => key)));
  return {
    model,
    changes: {
      ...changes,
      weights: changes['weights']! + ofStored.size,
      weightsCutOff: changes['weightsCutOff']! + cutOff,
      ...(stored.length > 0 && { weightsStored: stored.length }),
      weightsOf4Bits: [...weights.values()].filter(({ bits }) => bits === 4).length,
    },
  };
}
