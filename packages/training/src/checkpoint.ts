/**
 * Checkpoints as bytes: `VRGCKPT1`, the length of a JSON header (uint32, little-endian), the header, the vectors it
 * lists as little-endian float32, and the sha256 of all that. A checkpoint holds everything that the rest of the run
 * depends on; random draws are a function of the seed and the position, so they need no state.
 */
import { createHash } from 'node:crypto';
import { TrainingError } from './errors.js';
import type { Progress } from './progress.js';
import type { PlateauState } from './schedule.js';

export interface Position {
  /** Finished epochs. */
  epoch: number;
  /** Steps taken in the epoch that is under way. */
  stepInEpoch: number;
  /** Steps taken since the start. */
  step: number;
}

export interface Checkpoint {
  /** Digest of the training graph, the options and the sizes of the data; another run's checkpoint is refused. */
  readonly fingerprint: string;
  readonly position: Position;
  /** Sums over the epoch that is under way. */
  readonly running: { loss: number; correct: number; seen: number };
  readonly history: readonly Progress[];
  readonly best: {
    epoch: number;
    loss: number;
    accuracy: number;
    metrics?: Readonly<Record<string, number>>;
    /** The monitored figure, turned so that less is better. */
    cost?: number;
  } | null;
  /** Lowest validation loss, or monitored figure turned so that less is better, that counted, and epochs since then. */
  readonly patience: { loss: number | null; epochs: number };
  /** What the `plateau` schedule has seen so far. */
  readonly plateau: PlateauState;
  readonly seconds: number;
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

const MAGIC = Buffer.from('VRGCKPT1', 'latin1');
const DIGEST_BYTES = 32;

/** `encodeCheckpoint` in consecutive pieces, for a file: the vectors are handed out as they lie in memory. */
export function* checkpointPieces(checkpoint: Checkpoint): Generator<Uint8Array> {
  const { vectors, ...rest } = checkpoint;
  const lengths = [...vectors].map(([name, v]) => [name, v.length]);
  const header = Buffer.from(JSON.stringify({ ...rest, vectors: lengths }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const parts = [...vectors.values()].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength));
  const hash = createHash('sha256');
  for (const piece of [MAGIC, size, header, ...parts]) {
    hash.update(piece);
    yield piece;
  }
  yield hash.digest();
}

export const encodeCheckpoint = (checkpoint: Checkpoint): Uint8Array =>
  Buffer.concat([...checkpointPieces(checkpoint)]);

const damaged = (why: string, cause?: unknown): TrainingError =>
  new TrainingError('bad-checkpoint', `the checkpoint is damaged: ${why}`, { cause });

/** @throws TrainingError `bad-checkpoint` when bytes are missing or changed */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (all.length < MAGIC.length + 4 + DIGEST_BYTES || !all.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw damaged('it does not start as one');
  }
  const body = all.subarray(0, all.length - DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(all.subarray(body.length)))
    throw damaged('the digest does not match');
  const start = MAGIC.length + 4;
  const headerEnd = start + body.readUInt32LE(MAGIC.length);
  const header = JSON.parse(body.toString('utf8', start, headerEnd)) as Omit<Checkpoint, 'vectors'> & {
    vectors: [string, number][];
  };
  let at = headerEnd;
  const vectors = new Map<string, Float32Array>();
  for (const [name, length] of header.vectors) {
    const raw = body.subarray(at, at + 4 * length);
    vectors.set(name, new Float32Array(Uint8Array.from(raw).buffer));
    at += 4 * length;
  }
  return { ...header, vectors };
}
