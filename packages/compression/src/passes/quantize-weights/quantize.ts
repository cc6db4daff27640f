/** Weight-only quantisation in blocks: what is stored takes 4 or 8 bits a weight, what is computed stays float. */
import { eliminateDeadCode, type Model, type Node } from '@verge/onnx';
import { checkCancelled } from '../../errors.js';
import { otherReader } from '../../graph/dense.js';
import { GraphIndex } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { checkedKeep, nothingDone } from '../keep.js';
import type { PassContext, PassResult } from '../pass.js';
import { chooseLayers, type QuantizeWeightsOptions } from './layers.js';
import { BlockWriter } from './write.js';

export type { QuantizeWeightsOptions } from './layers.js';

/** Tensors of uint4 came with this version of the file's form (ONNX, onnx.proto). */
const UINT4_IR = 10;

/**
 * The notes have the ratio of signal to noise of each weight.
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when no weight is worth it,
 *   `cancelled`
 */
export async function quantizeWeights(
  model: Model,
  options: QuantizeWeightsOptions,
  context: PassContext,
): Promise<PassResult> {
  const keep = checkedKeep(model, options.keep);
  const { model: inside, lifted } = liftConstants(model);
  const index = new GraphIndex(inside.graph);
  const { layers, declined } = chooseLayers(inside, index, keep, options);
  if (layers.size === 0) nothingDone('no weight can be stored in blocks', declined);
  const writer = new BlockWriter(inside, index, options, context.signal);
  const rewritten = new Set(layers.keys());
  const nodes: Node[] = [];
  const shared = new Set<string>();
  for (const [i, node] of inside.graph.nodes.entries()) {
    checkCancelled(context.signal);
    const layer = layers.get(node);
    if (!layer) {
      nodes.push(writer.model.graph.nodes[i] as Node);
      continue;
    }
    nodes.push(...(await writer.write(layer)));
    const other = otherReader(layer.of.weight, rewritten, index);
    if (other !== null) shared.add(`'${layer.of.weight}' stays in floats beside its blocks, since '${other}' reads it`);
    context.onProgress?.((i + 1) / inside.graph.nodes.length);
  }
  const result = writer.model;
  result.graph.nodes = nodes;
  result.opsets.set('com.microsoft', result.opsets.get('com.microsoft') ?? 1);
  const kinds = [...layers.values()].map(({ kind }) => kind);
  const tables = kinds.filter((kind) => kind === 'table').length;
  if (tables > 0 && options.bits === 4) result.irVersion = Math.max(result.irVersion, UINT4_IR);
  const changes = { products: kinds.length - tables, tables, ...(lifted > 0 && { constantsLifted: lifted }) };
  return { model: eliminateDeadCode(result), changes, declined, notes: [...writer.notes, ...shared] };
}
