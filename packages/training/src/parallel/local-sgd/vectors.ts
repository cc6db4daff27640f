/**
 * Named vectors as bytes, for their way between hosts: `VRGVECT1`, the length of a JSON header (uint32, little-endian), the
 * header [[name, elements], ...], the elements as little-endian float32. Their integrity is their digest's business, by
 * which they are stored.
 */
import { TrainingError } from '../../errors.js';

const MAGIC = Buffer.from('VRGVECT1', 'latin1');

export function encodeVectors(vectors: ReadonlyMap<string, Float32Array>): Uint8Array {
  const header = Buffer.from(JSON.stringify([...vectors].map(([name, v]) => [name, v.length])));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const parts = [...vectors.values()].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength));
  return Buffer.concat([MAGIC, size, header, ...parts]);
}

const damaged = (why: string, cause?: unknown): TrainingError =>
  new TrainingError('bad-checkpoint', `the vectors cannot be read: ${why}`, { cause });

function headerOf(text: string): [string, number][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw damaged('the header is no JSON', cause);
  }
  const isEntry = (e: unknown): e is [string, number] =>
    Array.isArray(e) && e.length === 2 && typeof e[0] === 'string' && Number.isInteger(e[1]) && e[1] >= 0;
  if (!Array.isArray(parsed) || !parsed.every(isEntry)) throw damaged('the header lists no vectors');
  return parsed;
}

/** @throws TrainingError `bad-checkpoint` when bytes are missing, left over or of another kind */
export function decodeVectors(bytes: Uint8Array): Map<string, Float32Array> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = MAGIC.length + 4;
  if (all.length < start || !all.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('they do not start as such');
  let at = start + all.readUInt32LE(MAGIC.length);
  if (at > all.length) throw damaged('the header is cut short');
  const header = headerOf(all.toString('utf8', start, at));
  const wanted = header.reduce((sum, [, length]) => sum + 4 * length, at);
  if (wanted !== all.length) throw damaged(`${all.length} bytes, the header speaks of ${wanted}`);
  const vectors = new Map<string, Float32Array>();
  for (const [name, length] of header) {
    // A copy, for the elements need not be aligned in the file.
    vectors.set(name, new Float32Array(Uint8Array.from(all.subarray(at, at + 4 * length)).buffer));
    at += 4 * length;
  }
  return vectors;
}
