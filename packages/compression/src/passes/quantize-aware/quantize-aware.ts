/** Quantisation-aware training: the network learns while its numbers are rounded, and is then written in QDQ form. */
import type { DeviceClass, RecipePass } from '@verge/contracts';
import { type Model, rewrite } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { studyHistograms } from '../../study/calibrate.js';
import { Feeds } from '../../study/feeds.js';
import { ExpectedError, mseRange } from '../../study/ranges.js';
import { spread } from '../../study/spread.js';
import { addsPairsIn16Bits } from '../../targets/kernel-pairs.js';
import { fineTune } from '../fine-tune.js';
import { foldRules } from '../fold/fold.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { keyOf } from '../quantize-static/form.js';
import { insertQdq } from '../quantize-static/insert.js';
import { planQuantization, tieActivations, type QuantizationPlan } from '../quantize-static/plan.js';
import { planned } from '../quantize-static/quantize.js';
import { affineParams, type GivenScales } from '../quantize-static/scale.js';
import { firstScales } from './first-scales.js';
import { type Starting, trainable, type Trainable, type WeightScales } from './trainable.js';

export type QuantizeAwareOptions = Omit<Extract<RecipePass, { pass: 'quantize-aware' }>, 'pass'>;

type Target = Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'>;

/** The operator set whose QuantizeLinear knows types of 4 bits, which weights are trained in; a scale for each channel came with 13. */
const ABLE = { 4: 21, 8: 13 } as const;

/** Share of the pass's progress that calibration takes; the rest is training. */
const CALIBRATION = 0.1;

/** How each weight begins; the first and the last layer may keep 8 bits. */
function weightsAtFirst(
  model: Model,
  { weighted }: QuantizationPlan,
  { weightBits, wideEdges }: QuantizeAwareOptions,
  narrow: boolean,
): Map<string, WeightScales> {
  const index = new GraphIndex(model.graph);
  const edges = new Set([weighted[0], weighted.at(-1)].map((unit) => keyOf(unit!)));
  return new Map(
    weighted.map((unit) => {
      const { dims, data } = index.floats(unit.weight)!;
      const bits = wideEdges && edges.has(keyOf(unit)) ? 8 : weightBits;
      return [keyOf(unit), { bits, scales: firstScales(data, dims, unit.axis, bits, narrow) }];
    }),
  );
}

/** Parameters of each group of activations: the range with the least squared error at the levels that there are. */
async function activationsAtFirst(
  model: Model,
  plan: QuantizationPlan,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  { activationBits, wideEdges }: QuantizeAwareOptions,
  target: Target,
  context: PassContext,
): Promise<Starting['activations']> {
  const histograms = await studyHistograms(model, groups, feeds, {
    createSession: context.createSession,
    signal: context.signal,
    onProgress: (fraction) => context.onProgress?.(fraction * CALIBRATION),
  });
  const edges = new Set([plan.weighted[0], plan.weighted.at(-1)].map((u) => groups.get(u!.node.inputs[0] as string)));
  return new Map(
    [...histograms].map(([group, histogram]) => {
      const bits = wideEdges && edges.has(group) ? 8 : activationBits;
      const range = mseRange(histogram, new ExpectedError(histogram, 2 ** bits));
      return [group, affineParams(range, target.int8Activation, bits)];
    }),
  );
}

/** The source with the constants that a training left. */
function withTrained(source: Model, trained: Model): Model {
  const model = cloneModel(source);
  for (const [name, stored] of source.graph.initializers) {
    const now = trained.graph.initializers.get(name);
    if (now && stored.value.dtype === 'float32') model.graph.initializers.set(name, now);
  }
  return model;
}

function trainedVector(trained: Model, { scales }: Trainable): Float32Array {
  const value = trained.graph.initializers.get(scales)?.value;
  if (!value || !('data' in value) || value.dtype !== 'float32')
    throw new CompressionError('illegal-result', `the training left no constant '${scales}'`);
  return Float32Array.from(value.data);
}

/**
 * Weights of 4 bits as int8: each level is written as a multiple of itself, and the scale as the same part, so that the bias, whose scale is
 * the product of the weight's and the input's, is rounded as finely as with weights of 8 bits. Two of 8 * 8 fit where pairs of products are
 * added in 16 bits.
 */
const levelsOf = ({ scales, bits }: WeightScales, narrow: boolean): GivenScales => {
  const half = 2 ** (bits - 1);
  const times = bits === 8 ? 1 : narrow ? 8 : 16;
  return { scales: scales.map((scale) => scale / times), low: -half, high: half - 1, times };
};

/**
 * Batch normalisation is folded into the layer before and does not move; weights, biases and, unless told otherwise, scales learn. The
 * result's numbers are those of the training: weights on the same levels, biases in 32 bits.
 * @throws CompressionError `unsuitable-model` when nothing can be quantised, `bad-calibration`, `bad-samples`, `cancelled`; TrainingError
 *   when the network cannot be trained
 */
export async function quantizeAware(
  model: Model,
  options: QuantizeAwareOptions,
  target: Target,
  context: PassContext,
): Promise<PassResult> {
  const { model: inside, lifted } = liftConstants(model);
  const { model: folded, fired } = rewrite(inside, foldRules);
  const { model: able, raised } = atLeastOpset(
    folded,
    ABLE[options.weightBits],
    `a weight of ${options.weightBits} bits`,
  );
  const { plan, declined } = planned(able, new Set(), true);
  const groups = tieActivations(plan);
  const samples = spread(context.train, options.samples);
  const bound = boundToSamples(able, samples, context.ports);
  const feeds = new Feeds(bound, samples);
  const narrow = addsPairsIn16Bits(target);
  const starting = {
    activations: await activationsAtFirst(bound, plan, groups, feeds, options, target, context),
    weights: weightsAtFirst(able, plan, options, narrow),
  };
  const network = trainable(able, plan, groups, starting);
  const trained = await fineTune(
    network.model,
    model,
    options.fineTune,
    { ...context, onProgress: (fraction) => context.onProgress?.(CALIBRATION + (1 - CALIBRATION) * fraction) },
    options.learnScales
      ? { alsoTrained: (name) => name === network.scales }
      : { trainable: (name) => name !== network.scales },
  );
  const { activations, weights } = network.read(trainedVector(trained, network));
  const source = withTrained(able, trained);
  const params = new Map([...groups].map(([name, group]) => [name, activations.get(group)!]));
  const learned = new Map([...weights].map(([key, one]) => [key, levelsOf(one, narrow)]));
  const { model: result, changes } = insertQdq(source, planQuantization(source, new Set(), true), params, {
    narrow,
    learned,
  });
  return {
    model: result,
    changes: {
      ...changes,
      weightsOf4Bits: [...weights.values()].filter(({ bits }) => bits === 4).length,
      ...(fired.length > 0 && { folded: fired.length }),
      ...(lifted > 0 && { constantsLifted: lifted }),
      ...(raised > 0 && { operatorSetsRaised: raised }),
      ...(feeds.leftOut > 0 && { samplesLeftOut: feeds.leftOut }),
    },
    declined,
  };
}
