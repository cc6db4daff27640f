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
import { nothingDone } from '../keep.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { floatsBeside } from '../quantize-static/floats.js';
import { planQuantization, tieActivations } from '../quantize-static/plan.js';
import { affineParams } from '../quantize-static/scale.js';
import { firstScales } from './first-scales.js';
import { learningLayers, seen, type LearningLayer } from './layers.js';
import { type Starting, trainable, type Trainable, type WeightScales } from './trainable.js';
import { written } from './write.js';

export type QuantizeAwareOptions = Omit<Extract<RecipePass, { pass: 'quantize-aware' }>, 'pass'>;

type Target = Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'>;

/** The operator set whose QuantizeLinear knows types of 4 bits, which weights are trained in; a scale for each channel came with 13. */
const ABLE = { 4: 21, 8: 13 } as const;

/** Share of the pass's progress that calibration takes; the rest is training. */
const CALIBRATION = 0.1;

/** How each weight begins; those of the first and the last layer may keep 8 bits. */
function weightsAtFirst(
  model: Model,
  layers: readonly LearningLayer[],
  { weightBits, wideEdges }: QuantizeAwareOptions,
  narrow: boolean,
): Map<string, WeightScales> {
  const index = new GraphIndex(model.graph);
  const edges = new Set([layers[0], layers.at(-1)].flatMap((layer) => layer!.weights.map(({ key }) => key)));
  return new Map(
    layers.flatMap(({ weights, stored }) =>
      weights.map(({ key, weight, view }): [string, WeightScales] => {
        const bits = wideEdges && edges.has(key) ? 8 : weightBits;
        const data = seen(index.floats(weight)!.data, view);
        return [key, { bits, scales: firstScales(data, view.dims, view.axis, bits, narrow && !stored) }];
      }),
    ),
  );
}

/** Parameters of each group of activations: the range with the least squared error at the levels that there are. */
async function activationsAtFirst(
  model: Model,
  layers: readonly LearningLayer[],
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  { activationBits, wideEdges }: QuantizeAwareOptions,
  target: Target,
  context: PassContext,
): Promise<Starting['activations']> {
  // Recurrent layers alone read nothing on levels.
  if (groups.size === 0) return new Map();
  const histograms = await studyHistograms(model, groups, feeds, {
    createSession: context.createSession,
    signal: context.signal,
    onProgress: (fraction) => context.onProgress?.(fraction * CALIBRATION),
  });
  const edges = new Set([layers[0], layers.at(-1)].map((layer) => groups.get(layer!.node.inputs[0] as string)));
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
 * Batch normalisation is folded into the layer before and does not move; weights, biases and, unless told otherwise, scales learn. The
 * result's numbers are those of the training: weights on the same levels, biases in 32 bits. Recurrent layers compute in float32, and their
 * weights alone are on levels.
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
  const plan = planQuantization(able);
  const { layers, recurrent, declined: ofRecurrent } = learningLayers(able, plan);
  const declined = [...floatsBeside(able, plan, recurrent), ...ofRecurrent];
  if (layers.length === 0)
    nothingDone('no Conv, ConvTranspose, Gemm, MatMul or recurrent layer can be quantized', declined);
  const groups = tieActivations(plan);
  const samples = spread(context.train, options.samples);
  const bound = boundToSamples(able, samples, context.ports);
  const feeds = new Feeds(bound, samples);
  const narrow = addsPairsIn16Bits(target);
  const starting = {
    activations: await activationsAtFirst(bound, layers, groups, feeds, options, target, context),
    weights: weightsAtFirst(able, layers, options, narrow),
  };
  const network = trainable(able, plan, layers, groups, starting);
  const trained = await fineTune(
    network.model,
    model,
    options.fineTune,
    { ...context, onProgress: (fraction) => context.onProgress?.(CALIBRATION + (1 - CALIBRATION) * fraction) },
    options.learnScales
      ? { alsoTrained: (name) => name === network.scales }
      : { trainable: (name) => name !== network.scales },
  );
  const learned = network.read(trainedVector(trained, network));
  const { model: result, changes } = written(withTrained(able, trained), layers, groups, learned, narrow);
  return {
    model: result,
    changes: {
      ...changes,
      ...(fired.length > 0 && { folded: fired.length }),
      ...(lifted > 0 && { constantsLifted: lifted }),
      ...(raised > 0 && { operatorSetsRaised: raised }),
      ...(feeds.leftOut > 0 && { samplesLeftOut: feeds.leftOut }),
    },
    declined,
  };
}
