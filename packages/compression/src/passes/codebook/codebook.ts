/** Non-uniform quantisation of weights: lists of values for each layer, and each weight's place in one of them. */
import { type Model, type Node } from '@verge/onnx';
import { separateParameters } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import { cloneModel } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { checkNodes, nothingDone } from '../keep.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { code, type Coded } from './code.js';
import { store } from './store.js';
import { tuned } from './tune.js';
import { type CodebookOptions, type Weight, weightsOf } from './weights.js';

export type { CodebookOptions } from './weights.js';

/** uint4 came with this operator set (ONNX, Cast-21), and with this version of the file's form. */
const UINT4 = { opset: 21, irVersion: 10 };
/** Share of the pass's progress that finding the lists takes, where they are tuned. */
const FINDING = 0.1;

const told = ({ node }: Weight, { values, starts, sqnrDb }: Coded, tunes: boolean): string => {
  const lists = starts.length > 1 ? ` in ${starts.length} lists` : '';
  const near = sqnrDb === Infinity ? 'exact' : `${sqnrDb.toFixed(1)} dB`;
  return `${node}: ${values.length} values${lists}, ${near}${tunes ? ' before they were tuned' : ''}`;
};

/** Lists of values for each weight. @throws CompressionError `unsuitable-model`, `cancelled` */
async function codeAll(
  weights: readonly Weight[],
  { signal }: PassContext,
  report: (fraction: number) => void,
): Promise<[Weight, Coded][]> {
  const pairs: [Weight, Coded][] = [];
  for (const weight of weights) {
    checkCancelled(signal);
    // Others get a turn: sorting a large layer takes a second.
    await new Promise(setImmediate);
    pairs.push([weight, code(weight)]);
    report(pairs.length / weights.length);
  }
  return pairs;
}

/**
 * The file shrinks to about `bits / 32` of its weights, and the weights that run are still floats: latency is that of the model it was.
 *
 * @throws CompressionError `bad-recipe` when the recipe names a node that is not there, `unsuitable-model` when no weight is worth it,
 *   or one is not finite, `cancelled`; TrainingError where the values are tuned and the model cannot be differentiated
 */
export async function codebook(model: Model, options: CodebookOptions, context: PassContext): Promise<PassResult> {
  checkNodes(model, { keep: options.keep, layers: options.layers.map(({ node }) => node) });
  const tunes = options.fineTune.epochs > 0;
  const { model: inside, lifted } = liftConstants(tunes ? separateParameters(model).model : model);
  const packs = [options.bits, ...options.layers.map(({ bits }) => bits)].some((bits) => bits <= 4);
  const { model: able, raised } = packs
    ? atLeastOpset(inside, UINT4.opset, 'a weight of at most 4 bits')
    : { model: inside, raised: 0 };
  const { weights, declined } = weightsOf(able, options);
  if (weights.length === 0) nothingDone('no weight is worth a list of values', declined);
  const share = tunes ? FINDING : 1;
  const pairs = await codeAll(weights, context, (fraction) => context.onProgress?.(share * fraction));
  const notes = pairs.map(([weight, coded]) => told(weight, coded, tunes));
  const learned = tunes
    ? await tuned(able, model, pairs, options.fineTune, {
        ...context,
        onProgress: (fraction) => context.onProgress?.(share + (1 - share) * fraction),
      })
    : { model: able, pairs };
  const result = cloneModel(learned.model);
  if (packs) result.irVersion = Math.max(result.irVersion, UINT4.irVersion);
  const made: Node[] = learned.pairs.flatMap(([weight, coded]) => store(result, weight, coded));
  result.graph.nodes.unshift(...made);
  const changes = {
    weights: weights.length,
    ...(lifted > 0 && { constantsLifted: lifted }),
    ...(raised > 0 && { operatorSetsRaised: raised }),
  };
  return { model: result, changes, declined, notes };
}
