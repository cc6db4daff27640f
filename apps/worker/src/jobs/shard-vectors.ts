/** Vectors on their way between a training and its shards, as blobs. */
import type { BlobRef } from '@verge/contracts';
import { decodeVectors, encodeVectors, type Vectors } from '@verge/training';
import type { JobContext } from '../job-context.js';

const OWNER = 'for.';

/**
 * Blobs are named by their content, and these are deleted: another training that begins the same way must not share them,
 * so they say whose they are.
 */
export function packVectors(vectors: Vectors, training: string, round: number): Uint8Array {
  return encodeVectors(new Map([[`${OWNER}${training}/${round}`, new Float32Array(0)], ...vectors]));
}

export async function putVectors(
  { blobs }: JobContext,
  vectors: Vectors,
  training: string,
  round: number,
): Promise<BlobRef> {
  const { digest, bytes } = await blobs.put(packVectors(vectors, training, round));
  return { digest, bytes };
}

export async function readVectors({ blobs }: JobContext, digest: string): Promise<Vectors> {
  const all = decodeVectors(await blobs.read(digest));
  return new Map([...all].filter(([name]) => !name.startsWith(OWNER)));
}
