/** BatchNormalization statistics estimated anew for parameters that no step has seen, as an average of several is. */
import { attrFloat, encodeModel, float32, int64, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { writeForward } from '../backward.js';
import { TrainingError } from '../errors.js';
import { prepareForward } from '../forward.js';
import { DROPOUT_SEED } from '../gradients/dropout.js';
import type { Layout } from '../parameters.js';
import type { Feeds } from '../parallel/rows.js';
import { finish, nextOf, pack, PARAMETERS, publish, startTape, STATISTICS, unpackInput } from '../step-parts.js';

export interface StatisticsPorts {
  readonly parameters: Layout;
  readonly statistics: Layout;
  readonly needsDropoutSeed: boolean;
}

/**
 * Builds the forward pass in its training form. Inputs: the network's own, `step.parameters`, `step.statistics`,
 * `step.dropout_seed`; output: `next.step.statistics`.
 */
export function buildStatisticsModel(model: Model, batch: number, ports: StatisticsPorts): Model {
  const forward = prepareForward(model, batch);
  const { parameters, statistics } = ports;
  const names = [...parameters.entries, ...statistics.entries].map((e) => e.name);
  const t = startTape(forward, new Set(names));
  unpackInput(t, parameters, PARAMETERS);
  unpackInput(t, statistics, STATISTICS);
  writeForward(t, forward.graph.nodes, 'train');
  const latest = new Map(t.updates.map((u) => [u.state, u.next]));
  const next = pack(t, statistics, (name) => latest.get(name) ?? name);
  const inputs = [...forward.inputs, PARAMETERS, STATISTICS, DROPOUT_SEED];
  return finish(t, forward.graph.name, inputs, [publish(t, next, nextOf(STATISTICS))]);
}

/** What a batch weighs in each element's running statistics: 1 - momentum of its node. */
function batchShares(model: Model, statistics: Layout): Float32Array {
  const shares = new Float32Array(statistics.size);
  for (const node of model.graph.nodes) {
    if (node.op !== 'BatchNormalization') continue;
    for (const entry of statistics.entries) {
      if (!node.inputs.slice(3, 5).includes(entry.name)) continue;
      shares.fill(1 - attrFloat(node, 'momentum', 0.9), entry.offset, entry.offset + entry.size);
    }
  }
  return shares;
}

/**
 * The mean over batches of each batch's mean and variance.
 * @param batches what goes into the network's inputs, by name; batches of the size that `graph` was built for
 */
export async function estimateStatistics(
  model: Model,
  graph: Model,
  ports: StatisticsPorts,
  parameters: Float32Array,
  batches: AsyncIterable<Feeds> | Iterable<Feeds>,
  createSession: SessionFactory,
  threads = 1,
): Promise<Float32Array> {
  const { size } = ports.statistics;
  const shares = batchShares(model, ports.statistics);
  const session = await createSession(encodeModel(graph), {
    threads,
    optimization: 'extended',
    quantizeAsWritten: true,
  });
  const sum = new Float64Array(size);
  let count = 0;
  try {
    for await (const batch of batches) {
      // From statistics of 0 the next ones are the batch's, times its share.
      const feeds: Record<string, Tensor> = {
        ...batch,
        [PARAMETERS]: float32([parameters.length], parameters),
        [STATISTICS]: float32([size], new Float32Array(size)),
        ...(ports.needsDropoutSeed ? { [DROPOUT_SEED]: int64([], [count]) } : {}),
      };
      const known = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]));
      const next = (await session.run(known))[nextOf(STATISTICS)];
      if (next?.dtype !== 'float32') throw new TrainingError('bad-model', 'the statistics are missing');
      for (let i = 0; i < size; i++) sum[i]! += next.data[i]! / shares[i]!;
      count++;
    }
  } finally {
    await session.release();
  }
  if (count === 0) throw new TrainingError('bad-samples', 'statistics need at least one batch');
  return Float32Array.from(sum, (v) => v / count);
}
