/** From file to file, in pieces, and in a process of its own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BaseFile, pack, packApart, PackError, unpack, unpackFile, unpackPieces } from './index.js';
import { mutants } from './test-mutants.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes with runs in them, the same in every run. */
function some(length: number, seed: number): Uint8Array {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const [value, run] = [next() >>> 24, 1 + (next() >>> 23)];
    bytes.fill(value, at, (at += run));
  }
  return bytes;
}

let dir: string;
const path = (name: string): string => join(dir, name);
function put(name: string, bytes: Uint8Array): string {
  writeFileSync(path(name), bytes);
  return path(name);
}
// Longer than a part, and the base's second half comes first.
const base = some(1_500_000, 1);
const file = Uint8Array.from([...base.subarray(900_000), ...some(300_000, 2), ...base.subarray(0, 600_000)]);
const wanted = { bytes: file.length, sha256: sha256(file) };
let packed: Uint8Array;
let difference: Uint8Array;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'verge-pack-'));
  [packed, difference] = [await pack(file), await pack(file, { base })];
  put('base', base);
  put('file', file);
  put('packed', packed);
  put('difference', difference);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

describe('unpacking as the bytes come', () => {
  it('gives the same whatever the pieces are', async () => {
    for (const size of [7, 1000, 65_536, packed.length]) {
      expect(sha256(await unpack(inPieces(packed, size)))).toBe(wanted.sha256);
    }
    expect(sha256(await unpack(inPieces(difference, 777), { base }))).toBe(wanted.sha256);
  });

  it('lets the source go when it has seen enough', async () => {
    let gone = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield await Promise.resolve(packed.map((byte, i) => (i === 60 ? byte ^ 255 : byte)));
        yield packed;
      } finally {
        gone = true;
      }
    }
    await expect(unpack(source())).rejects.toBeInstanceOf(PackError);
    expect(gone).toBe(true);
  });

  it('waits for no bytes that a head merely promises', async () => {
    // A part whose streams say that they are longer packed than what they hold.
    const head = packed.slice(0, 4 + 3 + 32 + 1);
    const lying = Uint8Array.from([...head, 10, 1, 0, 4, 0xff, 0xff, 0x7f]);
    await expect(unpack(inPieces(lying, 5))).rejects.toThrow('a stream is longer than what it holds');
  });
});

describe('unpacking to disk', () => {
  it('writes the file, read beside its base where that lies', async () => {
    await unpackFile({ packed: path('packed'), out: path('out'), ...wanted });
    expect(sha256(readFileSync(path('out')))).toBe(wanted.sha256);
    const seen: number[] = [];
    const onProgress = (bytes: number): void => void seen.push(bytes);
    await unpackFile({ packed: path('difference'), base: path('base'), out: path('out'), ...wanted, onProgress });
    expect(sha256(readFileSync(path('out')))).toBe(wanted.sha256);
    expect(seen).toEqual([2 ** 20, file.length]);
  });

  it('refuses what holds another file before anything is unpacked', async () => {
    const out = path('never');
    const other = { bytes: file.length, sha256: sha256(base) };
    await expect(unpackFile({ packed: path('packed'), out, ...other })).rejects.toMatchObject({ code: 'damaged' });
    await expect(unpackFile({ packed: path('packed'), out, ...wanted, bytes: 5 })).rejects.toThrow('and not 5 bytes');
    await expect(unpackFile({ packed: path('file'), out, ...wanted })).rejects.toMatchObject({ code: 'not-packed' });
    expect(() => readFileSync(out)).toThrow('ENOENT');
    await expect(unpackFile({ packed: path('difference'), out, ...wanted })).rejects.toMatchObject({ code: 'wrong-base' }); // prettier-ignore
    const wrong = unpackFile({ packed: path('difference'), base: path('file'), out, ...wanted });
    await expect(wrong).rejects.toMatchObject({ code: 'wrong-base' });
  });

  it('tells any changed byte of a difference, and ends', async () => {
    const small = { base: base.subarray(0, 3000), file: file.subarray(0, 2000) };
    put('small-base', small.base);
    const changes = await pack(small.file, { base: small.base });
    const of = { base: path('small-base'), bytes: 2000, sha256: sha256(small.file) };
    for (const mutant of mutants(changes, 120)) {
      const done = await unpackFile({ packed: put('mutant', mutant), out: path('out'), ...of }).catch(
        (e: unknown) => e,
      );
      if (done === undefined) expect(sha256(readFileSync(path('out')))).toBe(of.sha256);
      else expect(done).toBeInstanceOf(PackError);
    }
  });

  it('reads no more of the base than steps that jump about need', async () => {
    const reader = await BaseFile.open(path('base'));
    try {
      expect([reader.bytes, reader.sha256]).toEqual([base.length, sha256(base)]);
      for (const [at, length] of [
        [0, 10],
        [10, 5],
        [5000, 100_000],
        [5, 3],
        [1_499_990, 10],
        [0, 1],
        [1, 1],
      ] as const) {
        expect(Buffer.compare(await reader.read(at, length), base.subarray(at, at + length))).toBe(0);
      }
    } finally {
      await reader.close();
    }
  });

  it('stops when asked, also in the middle of a part', async () => {
    const stop = new AbortController();
    const pieces = unpackPieces(packed, { signal: stop.signal });
    await pieces.next();
    stop.abort();
    await expect(pieces.next()).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('packing apart', () => {
  const small = file.subarray(0, 40_000);
  beforeAll(() => void put('small', small));

  it('writes the packed file, and says its digest', async () => {
    const done = await packApart({ file: path('small'), base: path('base'), out: path('made'), maxMs: 60_000 });
    const made = readFileSync(path('made'));
    expect(done).toEqual({ bytes: made.length, sha256: sha256(made) });
    expect(sha256(await unpack(made, { base }))).toBe(sha256(small));
  });

  it('says what went wrong, ends in time, and when asked', async () => {
    const of = { file: path('file'), out: path('made'), maxMs: 60_000 };
    await expect(packApart({ ...of, file: path('nothing') })).rejects.toThrow('ENOENT');
    await expect(packApart({ ...of, maxMs: 30 })).rejects.toThrow('took longer than 30 ms');
    await expect(packApart({ ...of, signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ code: 'cancelled' });
  });
});
