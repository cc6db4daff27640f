/** Weight-only quantisation in blocks: what is stored takes 4 or 8 bits a weight, what is computed stays float. */
import { eliminateDeadCode, type Model, type Node } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import { otherReader, type Dense } from '../../graph/dense.js';
import { GraphIndex } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { ask } from '../../study/ask.js';
import type { StudyOptions } from '../../study/calibrate.js';
import { Feeds } from '../../study/feeds.js';
import { likeness, recordedOutputs } from '../../study/likeness.js';
import { spread } from '../../study/spread.js';
import { checkedKeep, nothingDone } from '../keep.js';
import type { PassContext, PassResult } from '../pass.js';
import { adaptedLevels } from './adaptive.js';
import { chooseLayers, type Layer, type QuantizeWeightsOptions } from './layers.js';
import type { Levels } from './matrix.js';
import { BlockWriter } from './write.js';

export type { QuantizeWeightsOptions } from './layers.js';

/** Tensors of uint4 came with this version of the file's form (ONNX, onnx.proto). */
const UINT4_IR = 10;

/** Parts of the pass's progress with adaptive rounding: its products, the comparison, and the writing of both models. */
const SHARES = { rounding: 0.7, comparing: 0.2 } as const;

interface Written {
  readonly model: Model;
  readonly notes: readonly string[];
}

async function written(
  inside: Model,
  index: GraphIndex,
  layers: ReadonlyMap<Node, Layer>,
  options: QuantizeWeightsOptions,
  { signal }: PassContext,
  onProgress: (fraction: number) => void,
  levels?: ReadonlyMap<string, Levels>,
): Promise<Written> {
  const writer = new BlockWriter(inside, index, options, signal, levels);
  const rewritten = new Set(layers.keys());
  const nodes: Node[] = [];
  const shared = new Set<string>();
  for (const [i, node] of inside.graph.nodes.entries()) {
    checkCancelled(signal);
    const layer = layers.get(node);
    if (!layer) {
      nodes.push(writer.model.graph.nodes[i] as Node);
      continue;
    }
    nodes.push(...(await writer.write(layer)));
    const other = otherReader(layer.of.weight, rewritten, index);
    if (other !== null) shared.add(`'${layer.of.weight}' stays in floats beside its blocks, since '${other}' reads it`);
    onProgress((i + 1) / inside.graph.nodes.length);
  }
  const result = writer.model;
  result.graph.nodes = nodes;
  result.opsets.set('com.microsoft', result.opsets.get('com.microsoft') ?? 1);
  const isTable = [...layers.values()].some(({ kind }) => kind === 'table');
  if (isTable && options.bits === 4) result.irVersion = Math.max(result.irVersion, UINT4_IR);
  return { model: eliminateDeadCode(result), notes: [...writer.notes, ...shared] };
}

/**
 * With adaptive rounding matrices are rounded adaptively where samples that are held back show a gain (`adaptedWeights`; the others are
 * `adaptationsGivenUp`), and to the nearest altogether where the outputs on the samples would be less like the source's
 * (`roundingGivenUp`). `outputDecibels` is that likeness, and `nearestDecibels` what the nearest levels would give.
 */
async function adaptively(
  inside: Model,
  index: GraphIndex,
  layers: ReadonlyMap<Node, Layer>,
  options: QuantizeWeightsOptions,
  context: PassContext,
): Promise<Written & Pick<PassResult, 'changes' | 'declined'>> {
  const { createSession, signal, onProgress } = context;
  const samples = spread(context.train, options.samples);
  const bind = (model: Model): Model => boundToSamples(model, samples, context.ports);
  const bound = bind(inside);
  const feeds = new Feeds(bound, samples);
  const study = (from: number, share: number): StudyOptions => ({
    ...{ createSession, signal },
    onProgress: (fraction) => onProgress?.(from + share * fraction),
  });
  const dense = [...layers.values()].flatMap(({ kind, of }) => (kind === 'dense' ? [of as Dense] : []));
  const { levels, givenUp, left } = await adaptedLevels(bound, dense, options, feeds, study(0, SHARES.rounding));
  const write = (from: number, known?: ReadonlyMap<string, Levels>): Promise<Written> =>
    written(inside, index, layers, options, context, study(from, 0.05).onProgress!, known);
  const nearest = await write(SHARES.rounding);
  const counts = {
    adaptedWeights: levels.size,
    adaptationsGivenUp: givenUp,
    ...(feeds.leftOut > 0 && { samplesLeftOut: feeds.leftOut }),
  };
  if (levels.size === 0) return { ...nearest, changes: counts, declined: left };
  const adapted = await write(SHARES.rounding + 0.05, levels);
  const models = [adapted, nearest].map(({ model }) => bind(model));
  const outputs = recordedOutputs();
  await ask(bound, [outputs], feeds, study(SHARES.rounding + 0.1, SHARES.comparing / 4));
  const comparing = study(SHARES.rounding + 0.1 + SHARES.comparing / 4, (3 * SHARES.comparing) / 4);
  const found = await likeness(bound, outputs, models, feeds, comparing);
  const [after, before] = found.map(({ decibels }) => Math.round(decibels * 100) / 100) as [number, number];
  const changes = { ...counts, outputDecibels: Math.max(after, before), nearestDecibels: before };
  if (after > before) return { ...adapted, changes, declined: left };
  return { ...nearest, changes: { ...changes, adaptedWeights: 0, roundingGivenUp: 1 }, declined: left };
}

/**
 * The notes have the ratio of signal to noise of each weight.
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when no weight is worth it,
 *   `bad-samples`, `cancelled`
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
  const adapted = options.rounding === 'adaptive' ? await adaptively(inside, index, layers, options, context) : null;
  const report = (fraction: number): void => context.onProgress?.(fraction);
  const { model: result, notes } = adapted ?? (await written(inside, index, layers, options, context, report));
  const tables = [...layers.values()].filter(({ kind }) => kind === 'table').length;
  const products = layers.size - tables;
  const changes = { products, tables, ...adapted?.changes, ...(lifted > 0 && { constantsLifted: lifted }) };
  return { model: result, changes, declined: [...declined, ...(adapted?.declined ?? [])], notes: [...notes] };
}
