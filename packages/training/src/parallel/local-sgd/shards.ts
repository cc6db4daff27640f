/** Which samples each shard has: a random cut into parts that differ by one sample at most. */
import { sourceOf, type SampleSet, type SampleSource } from '../../loop/source.js';
import { Random } from '../../random.js';

/** Sample indices of a shard; the shards of a seed cover all samples without overlap. */
export function shardIndices(seed: number, count: number, shard: number, shards: number): Int32Array {
  const order = new Random(seed, 'shards', shards).permutation(count);
  const at = (i: number): number => Math.floor((count * i) / shards);
  return order.slice(at(shard), at(shard + 1));
}

/** The samples at some indices, as a set of their own. */
export function subsetOf(samples: SampleSet, indices: Int32Array): SampleSource {
  const source = sourceOf(samples);
  return {
    count: indices.length,
    shape: source.shape,
    inputs: source.inputs,
    read: (wanted, signal) =>
      source.read(
        wanted.map((i) => indices[i]!),
        signal,
      ),
  };
}
