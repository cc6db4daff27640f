/** Decomposition: layers become several smaller ones that compute nearly the same, then the network is tuned. */
import type { RecipePass } from '@verge/contracts';
import { type LayerSummary, type Model, type Node, summarize } from '@verge/onnx';
import { checkCancelled, CompressionError } from '../../errors.js';
import { cloneModel, GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { Products } from '../../linear-algebra/products.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import { cp } from './cp.js';
import type { Decomposed, Kernel } from './kernel.js';
import { type Layer, layerOf } from './layers.js';
import { spatialSvd, svd, tucker2 } from './methods.js';
import {
  byVbmf,
  costOf,
  type Method,
  rankByEnergy,
  type Ranks,
  ranksByRatio,
  ranksBySpectrum,
  wholeCost,
} from './ranks.js';
import { replaceLayer } from './replace.js';

export type DecomposeOptions = Omit<Extract<RecipePass, { pass: 'decompose' }>, 'pass'>;

/** Share of the pass's progress that factors take; the rest is fine-tuning. */
const factorsShare = 0.3;
/** A layer is worth taking apart when it then costs at most this share. */
const WORTH = 0.9;
/** And when it has at least this share of the network's multiply-accumulates, or of its parameters: first and last layers often have not. */
const LITTLE = 0.03;

/** Of each node, the larger of its shares of multiply-accumulates and of parameters; 1 where a count is not known. */
function sharesOf(model: Model): Map<Node, number> {
  const { layers, macs, parameters } = summarize(model);
  const share = (layer: LayerSummary): number =>
    layer.macs === null || !macs || !parameters ? 1 : Math.max(layer.macs / macs, layer.parameters / parameters);
  // Layers are the nodes without those that are constants.
  const nodes = model.graph.nodes.filter((node) => node.op !== 'Constant');
  return new Map(nodes.map((node, i) => [node, share(layers[i] as LayerSummary)]));
}

function methodOf(layer: Layer, options: DecomposeOptions): Method | string {
  const windowed = layer.kernel.window.some((k) => k > 1);
  const method = windowed ? options.convolution : options.dense;
  if (method === 'none') return 'the recipe leaves layers of this kind whole';
  if ((method === 'cp' || method === 'spatial-svd') && layer.kernel.window.length !== 2)
    return `'${method}' takes windows of two axes, this one has ${layer.kernel.window.length}`;
  return method;
}

async function ranksOf(
  { kernel, steps }: Layer,
  method: Method,
  { rank, multiple }: DecomposeOptions,
  products: Products,
): Promise<Ranks | null> {
  if (rank.by === 'ratio') return ranksByRatio(kernel, method, steps, rank.ratio, multiple);
  const pick = rank.by === 'energy' ? (squares: Float64Array): number => rankByEnergy(squares, rank.share) : byVbmf;
  return ranksBySpectrum(kernel, method, pick, multiple, products);
}

function factors(
  kernel: Kernel,
  method: Method,
  ranks: Ranks,
  products: Products,
  signal?: AbortSignal,
): Promise<Decomposed> {
  switch (method) {
    case 'svd':
      return svd(kernel, ranks.outputs, products);
    case 'spatial-svd':
      return spatialSvd(kernel, ranks.outputs, products);
    case 'tucker':
      return tucker2(kernel, ranks, products);
    case 'cp':
      return cp(kernel, ranks.outputs, products, signal);
  }
}

/**
 * Each layer that is worth it is taken apart; what is left whole is named with the reason, and each that is not with its ranks, its
 * cost and the share of its weights' norm that is lost.
 *
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when no layer can be taken
 *   apart, `cancelled`
 */
export async function decompose(given: Model, options: DecomposeOptions, context: PassContext): Promise<PassResult> {
  const { model, lifted } = liftConstants(given);
  const { signal, onProgress } = context;
  const index = new GraphIndex(model.graph);
  const names = new Set(model.graph.nodes.map(nodeName));
  const unknown = options.keep.filter((name) => !names.has(name));
  if (unknown.length > 0) {
    const problems = unknown.map((name) => `keep: there is no node '${name}'`);
    throw new CompressionError('bad-recipe', problems.join('; '), { problems });
  }
  const declined: PassResult['declined'] = [];
  const notes: string[] = [];
  const changes: Record<string, number> = lifted > 0 ? { constantsLifted: lifted } : {};
  const result = cloneModel(model);
  const shares = sharesOf(model);
  const products = new Products(context.createSession);
  const tuning = options.fineTune.epochs > 0;
  const share = tuning ? factorsShare : 1;
  try {
    for (const [i, node] of model.graph.nodes.entries()) {
      checkCancelled(signal);
      onProgress?.((share * i) / model.graph.nodes.length);
      const layer = layerOf(node, index);
      if (layer === null) continue;
      const name = nodeName(node);
      const decline = (reason: string): unknown => declined.push({ node: name, reason });
      if (typeof layer === 'string') {
        decline(layer);
        continue;
      }
      if (options.keep.includes(name)) {
        decline('the recipe keeps it');
        continue;
      }
      const method = methodOf(layer, options);
      if (method !== 'svd' && method !== 'tucker' && method !== 'cp' && method !== 'spatial-svd') {
        decline(method);
        continue;
      }
      const part = shares.get(node) ?? 1;
      if (part < LITTLE) {
        decline(`it has ${(100 * part).toFixed(1)} % of the network's work and weights`);
        continue;
      }
      const ranks = await ranksOf(layer, method, options, products);
      const whole = wholeCost(layer.kernel);
      const cost = ranks ? costOf(layer.kernel, method, ranks, layer.steps) : Infinity;
      if (!ranks || cost > WORTH * whole) {
        decline(
          ranks
            ? `it would cost ${(cost / whole).toFixed(2)} of what it costs now`
            : `no rank that is a multiple of ${options.multiple} makes it as cheap as that`,
        );
        continue;
      }
      const { pieces, error } = await factors(layer.kernel, method, ranks, products, signal);
      replaceLayer(result, node, layer, pieces);
      changes[method] = (changes[method] ?? 0) + 1;
      const kept = method === 'tucker' ? `ranks ${ranks.inputs} and ${ranks.outputs}` : `rank ${ranks.outputs}`;
      notes.push(
        `${name}: ${method}, ${kept}, ${(whole / cost).toFixed(2)} times fewer multiply-accumulates, ${(100 * error).toFixed(1)} % of the norm lost`,
      );
    }
  } finally {
    await products.release();
  }
  if (notes.length === 0) {
    const problems = declined.map((d) => `${d.node}: ${d.reason}`);
    throw new CompressionError('unsuitable-model', `no layer can be taken apart: ${problems.join('; ')}`, { problems });
  }
  result.graph.values.clear();
  const tuned = await fineTune(result, given, options.fineTune, {
    ...context,
    onProgress: (fraction) => onProgress?.(share + (1 - share) * fraction),
  });
  return { model: tuned, changes, declined, notes };
}
