/** The weights of a model that can be set to 0 one by one. */
import type { RecipePass } from '@verge/contracts';
import type { Model, Node } from '@verge/onnx';
import { findParameters } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { checkNodes } from '../keep.js';
import type { PassResult } from '../pass.js';

type Config = Extract<RecipePass, { pass: 'prune-weights' }>;

export interface Weight {
  readonly name: string;
  /** The layer that reads it; the first where several do. */
  readonly node: string;
  /** How many numbers it has. */
  readonly count: number;
  /** The share that becomes 0 in the end, where the recipe names the layer. */
  readonly ratio: number | null;
}

export interface Chosen {
  readonly weights: Weight[];
  readonly declined: PassResult['declined'];
}

/** Operators that are expected to have weights, and at which inputs. */
const LAYERS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1],
  ConvTranspose: [1],
  Gemm: [0, 1],
  MatMul: [0, 1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};

const isLayer = (node: Node): boolean => node.domain === '' && node.op in LAYERS;

/**
 * Matrices and kernels that a training moves: of convolutions, dense, recurrent and embedding layers.
 * @param model with its parameters separated (`separateParameters`)
 * @param moved what the training between and after moves; null where nothing is trained
 * @throws CompressionError `bad-recipe` where the recipe names a node that is not there, `unsuitable-model` where a weight is not finite
 */
export function weightsOf(
  model: Model,
  options: Pick<Config, 'keep' | 'ratios'>,
  moved: ReadonlySet<string> | null,
): Chosen {
  checkNodes(model, { keep: options.keep, ratios: options.ratios.map(({ node }) => node) });
  const index = new GraphIndex(model.graph);
  const declined: PassResult['declined'] = [];
  const weights: Weight[] = [];
  const reached = new Set<string>();
  const own = new Map(options.ratios.map(({ node, ratio }) => [node, ratio]));
  for (const [name, role] of findParameters(model.graph)) {
    const tensor = index.floats(name);
    if (role !== 'weight' || !tensor || tensor.dims.filter((d) => d > 1).length < 2) continue;
    const readers = index.readers(name).map(nodeName);
    readers.forEach((reader) => reached.add(reader));
    const node = readers[0] as string;
    const kept = options.keep.find((k) => readers.includes(k));
    if (kept !== undefined) {
      declined.push({ node, reason: kept === node ? 'the recipe keeps it' : `the recipe keeps '${kept}', which shares its weight` }); // prettier-ignore
      continue;
    }
    if (moved && !moved.has(name)) {
      declined.push({ node, reason: 'the output that is trained does not depend on it' });
      continue;
    }
    if (!tensor.data.every(Number.isFinite))
      throw new CompressionError('unsuitable-model', `the weight '${name}' holds numbers that are not finite`);
    const ratio = readers.map((reader) => own.get(reader)).find((r) => r !== undefined) ?? null;
    weights.push({ name, node, count: tensor.data.length, ratio });
  }
  for (const node of model.graph.nodes)
    if (isLayer(node) && !reached.has(nodeName(node)))
      declined.push({ node: nodeName(node), reason: 'it reads no matrix of float32 constants that a training moves' });
  return { weights, declined };
}
