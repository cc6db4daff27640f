/** What a checkpoint is a checkpoint of. */
import { createHash } from 'node:crypto';
import { encodeApart, encodePieces, storedBytes, type Model } from '@verge/onnx';
import type { FitOptions } from '../fit-options.js';
import { isSource, type SampleSet } from './source.js';

/** Protobuf allows 2 GiB; nodes and names take some of them. */
const MOST = 2 ** 31 - 2 ** 26;

function contentOf(samples: SampleSet): (ArrayBufferView | string)[] {
  if (isSource(samples))
    return [
      JSON.stringify([samples.digest ?? '', samples.count, samples.shape, samples.block ?? 0]),
      ...(samples.inputs ? [JSON.stringify(samples.inputs)] : []),
    ];
  const { x, y, targets, inputs = {}, namedTargets = {} } = samples;
  return [
    ...[x, y, ...(targets ? [targets] : [])],
    ...Object.entries(inputs).flatMap(([name, { values, shape }]) => [JSON.stringify([name, shape]), values]),
    ...Object.entries(namedTargets).flatMap(([name, values]) => [name, values]),
  ];
}

/** The bytes of a graph, where they fit into one message, without a copy of its weights; else the message and the weights. */
function piecesOf(graph: Model): Iterable<Uint8Array> {
  if (storedBytes(graph) < MOST) return encodePieces(graph);
  const { bytes, externalData = new Map<string, Uint8Array>() } = encodeApart(graph);
  return [bytes, ...externalData.values()];
}

/**
 * A digest of all that decides what a run computes: graphs, initial state, options and samples. Threads and prefetching
 * are left out: the first changes roundings at most, the second nothing.
 */
export function fingerprintOf(
  o: FitOptions,
  graphs: readonly Model[],
  state: Iterable<Float32Array>,
  plan: { readonly seed: number; readonly batch: number },
): string {
  const hash = createHash('sha256');
  for (const graph of graphs) for (const piece of piecesOf(graph)) hash.update(piece);
  const { epochs, schedule, optimizer, augmentation, keep, earlyStop, monitor, averaging } = o;
  hash.update(
    JSON.stringify({ epochs, schedule, optimizer, augmentation, keep, earlyStop, monitor, averaging, ...plan }),
  );
  const parts = [
    ...state,
    ...contentOf(o.train),
    ...contentOf(o.validation),
    ...(o.targets ? [o.targets.train, o.targets.validation] : []),
    ...(o.views ?? []).flatMap((v) => [v.x, v.teacherLogits]),
  ];
  for (const part of parts) {
    hash.update(typeof part === 'string' ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}
