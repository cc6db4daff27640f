import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { requireBuild } from '../../tests/agent-process.js';
import { crc32c } from './crc32c.js';
import { decodeFrames, encodeFrame, encodeHeader, headerBytes } from './segment.js';
import { Spool } from './spool.js';

const folders: string[] = [];
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'verge-spool-'));
  folders.push(path);
  return path;
}
afterEach(async () => {
  for (const path of folders.splice(0)) await rm(path, { recursive: true, force: true });
});

const text = (s: string): Buffer => Buffer.from(s);
const open = (dir: string, maxBytes = 1024 * 1024): Promise<Spool> => Spool.open({ dir, maxBytes });
const all = async (spool: Spool): Promise<[number, string][]> =>
  (await spool.read(10_000, 1e9)).map((f) => [f.seq, Buffer.from(f.payload).toString()]);

describe('crc32c', () => {
  it('agrees with the test vectors of RFC 3720 appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(text('123456789'))).toBe(0xe3069283);
  });
});

describe('segment', () => {
  const id = '01234567-89ab-4cde-8f01-23456789abcd';
  const payloads = ['one', '', 'a longer third record', 'four'];
  const frames = payloads.map((p, i) => encodeFrame({ seq: i + 1, payload: text(p) }));
  const whole = Buffer.concat([encodeHeader(id), ...frames]);

  it('cut at every byte, keeps exactly the whole frames before the cut', () => {
    const ends = frames.map((_, i) => headerBytes + frames.slice(0, i + 1).reduce((s, f) => s + f.length, 0));
    for (let cut = headerBytes; cut <= whole.length; cut++) {
      const { frames: kept, end } = decodeFrames(whole.subarray(0, cut));
      const expected = ends.filter((e) => e <= cut).length;
      expect(kept.length).toBe(expected);
      expect(end).toBe(expected === 0 ? headerBytes : ends[expected - 1]);
    }
  });

  it('with any bit flipped, loses the one record that it is in and gives none that was not written', () => {
    for (let bit = headerBytes * 8; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const { frames: kept, damagedTail } = decodeFrames(damaged);
      expect(kept.length, `bit ${bit}`).toBeGreaterThanOrEqual(payloads.length - 1);
      for (const { seq, payload } of kept) expect(Buffer.from(payload).toString()).toBe(payloads[seq - 1]);
      // The last one has nothing behind it that shows the gap.
      const lostLast = kept.at(-1)!.seq < payloads.length;
      expect(damagedTail, `bit ${bit}`).toBe(lostLast ? 1 : 0);
    }
  });

  it('finds the records behind any damage', () => {
    const payload = fc.uint8Array({ maxLength: 60 });
    const hole = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }) });
    fc.assert(
      fc.property(fc.array(payload, { minLength: 3, maxLength: 12 }), hole, (records, { at, bytes }) => {
        const parts = records.map((p, i) => encodeFrame({ seq: i + 1, payload: p }));
        const file = Buffer.concat([encodeHeader(id), ...parts]);
        const from = headerBytes + (at % (file.length - headerBytes));
        file.set(bytes.subarray(0, file.length - from), from);
        const to = Math.min(file.length, from + bytes.length);
        const kept = new Map(decodeFrames(file).frames.map((f) => [f.seq, f.payload]));
        let start = headerBytes;
        parts.forEach((part, i) => {
          const touched = start < to && start + part.length > from;
          if (!touched) expect(Buffer.compare(kept.get(i + 1) ?? Buffer.from('lost'), records[i]!)).toBe(0);
          start += part.length;
        });
      }),
    );
  });

  it('skips a damaged frame between whole ones', () => {
    const damaged = Buffer.from(whole);
    damaged[headerBytes + frames[0]!.length + frames[1]!.length + 20]! ^= 1;
    expect(decodeFrames(damaged).frames.map((f) => f.seq)).toEqual([1, 2, 4]);
  });
});

describe('spool', () => {
  it('numbers, keeps and forgets records across openings', async () => {
    const dir = await folder();
    let spool = await open(dir);
    expect(await spool.append([text('a'), text('b')])).toBe(1);
    expect(await spool.append([text('c')])).toBe(3);
    const { id } = spool;
    await spool.acknowledge(2);
    await spool.close();
    spool = await open(dir);
    expect(spool.id).toBe(id);
    expect(await all(spool)).toEqual([[3, 'c']]);
    expect(spool.waiting).toBe(1);
    await spool.acknowledge(3);
    expect(spool.bytes).toBe(0);
    expect(await spool.append([text('d')])).toBe(4);
    await spool.close();
    expect((await open(dir)).nextSeq).toBe(5);
  });

  it('cut off at every byte, opens with the records before the cut and goes on', async () => {
    const dir = await folder();
    const spool = await open(dir);
    await spool.append(['one', 'two', 'three'].map(text));
    await spool.close();
    const name = (await readdir(dir)).find((n) => n.endsWith('.seg'))!;
    const size = (await readFile(join(dir, name))).length;
    for (let cut = 0; cut < size; cut += 3) {
      const copy = join(await folder(), 'spool');
      await mkdir(copy);
      for (const file of await readdir(dir)) await copyFile(join(dir, file), join(copy, file));
      await truncate(join(copy, name), cut);
      const cutSpool = await open(copy);
      const kept = await all(cutSpool);
      expect(kept).toEqual(
        [
          [1, 'one'],
          [2, 'two'],
          [3, 'three'],
        ].slice(0, kept.length),
      );
      await cutSpool.append([text('next')]);
      expect((await all(cutSpool)).at(-1)).toEqual([kept.length + 1, 'next']);
      await cutSpool.close();
    }
  });

  it('never gives a number that was sent to another record', async () => {
    const dir = await folder();
    const spool = await open(dir);
    await spool.append(['one', 'two'].map(text));
    await spool.markSent(2);
    await spool.close();
    const name = (await readdir(dir)).find((n) => n.endsWith('.seg'))!;
    await truncate(join(dir, name), headerBytes + 5);
    const after = await open(dir);
    expect(await after.append([text('new')])).toBe(3);
    await after.close();
  });

  it('without its marks, keeps its id and its records', async () => {
    const dir = await folder();
    const spool = await open(dir);
    await spool.append([text('one')]);
    await spool.close();
    await writeFile(join(dir, 'marks.json'), '{ torn');
    const after = await open(dir);
    expect(after.id).toBe(spool.id);
    expect(await all(after)).toEqual([[1, 'one']]);
  });

  it('at its cap, gives up the oldest and counts them once', async () => {
    const dir = await folder();
    const maxBytes = 80_000;
    let spool = await open(dir, maxBytes);
    for (let i = 0; i < 100; i++) await spool.append([Buffer.concat([text(`${i} `), randomBytes(2000)])]);
    expect(spool.bytes).toBeLessThanOrEqual(maxBytes);
    const kept = (await all(spool)).map(([seq]) => seq);
    expect(kept.at(-1)).toBe(100);
    expect(spool.dropped).toBe(100 - kept.length);
    expect(spool.waiting).toBe(kept.length);
    await spool.close();
    spool = await open(dir, maxBytes);
    expect(spool.dropped).toBe(100 - kept.length);
    await spool.close();
  });

  it('counts a damaged record once and delivers the others', async () => {
    const dir = await folder();
    const spool = await open(dir);
    await spool.append(['one', 'two', 'three'].map(text));
    await spool.close();
    const path = join(
      dir,
      (await readdir(dir)).find((n) => n.endsWith('.seg'))!,
    );
    const bytes = await readFile(path);
    bytes[bytes.indexOf('two')]! ^= 1;
    await writeFile(path, bytes);
    for (let i = 0; i < 2; i++) {
      const after = await open(dir);
      expect((await all(after)).map(([seq]) => seq)).toEqual([1, 3]);
      expect(after.dropped).toBe(1);
      await after.close();
    }
  });

  /** As the uploader does, until nothing waits. @returns the numbers that were delivered */
  const drain = async (spool: Spool): Promise<number[]> => {
    const delivered: number[] = [];
    for (;;) {
      const frames = await spool.read(2, 1e9);
      if (frames.length === 0) return delivered;
      delivered.push(...frames.map(({ seq }) => seq));
      await spool.markSent(frames.at(-1)!.seq);
      await spool.acknowledge(frames.at(-1)!.seq);
    }
  };
  const segmentsOf = async (dir: string) =>
    (await readdir(dir)).filter((n) => n.endsWith('.seg')).map((name) => join(dir, name));
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  /** What happens to the only segment, which holds the records 1 to 5, and which of them are lost. */
  const damages: [string, (path: string) => Promise<unknown>, number[]][] = [
    [
      'a bit flips in the middle',
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.indexOf('record 3')]! ^= 1;
        await writeFile(path, bytes);
      },
      [3],
    ],
    [
      'a bit flips at its end',
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.indexOf('record 5')]! ^= 1;
        await writeFile(path, bytes);
      },
      [5],
    ],
    ['it is removed', (path) => rm(path), [1, 2, 3, 4, 5]],
    ['it is emptied', (path) => truncate(path), [1, 2, 3, 4, 5]],
    [
      'a folder takes its place',
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
      [1, 2, 3, 4, 5],
    ],
  ];
  it.each(damages)('while %s, delivers and stores the rest and counts what is lost', async (_, damage, lost) => {
    for (const appendAfter of [false, true]) {
      const dir = await folder();
      const spool = await open(dir);
      await spool.append(numbers(1, 5).map((i) => text(`record ${i}`)));
      await damage((await segmentsOf(dir))[0]!);
      if (appendAfter) expect(await spool.append([text('record 6')])).toBe(6);
      const delivered = await drain(spool);
      expect(delivered).toEqual(numbers(1, appendAfter ? 6 : 5).filter((n) => !lost.includes(n)));
      expect(spool.dropped).toBe(lost.length);
      expect(await spool.append([text('next')])).toBe(appendAfter ? 7 : 6);
      await spool.close();
      const after = await open(dir);
      expect([after.id, after.dropped, await drain(after)]).toEqual([spool.id, lost.length, [appendAfter ? 7 : 6]]);
      await after.close();
    }
  });

  it('keeps its name and its counts when the newest marks are damaged', async () => {
    const dir = await folder();
    const spool = await open(dir);
    await spool.append(numbers(1, 4).map((i) => text(String(i))));
    await spool.discard(1);
    await spool.markSent(2);
    await spool.close();
    await writeFile(join(dir, 'marks.json'), '{}');
    const after = await open(dir);
    expect([after.id, after.dropped, await drain(after)]).toEqual([spool.id, 1, [2, 3, 4]]);
    await after.close();
  });

  it('opens once it can, when it could not at first', async () => {
    const dir = join(await folder(), 'spool');
    await writeFile(dir, 'a file in the place of the folder');
    const spool = await open(dir);
    await expect(spool.append([text('one')])).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
    await rm(dir);
    expect(await spool.append([text('one')])).toBe(1);
    expect(await drain(spool)).toEqual([1]);
    await spool.close();
  });

  it('killed while it writes, has everything that append returned for', async () => {
    requireBuild();
    const dir = await folder();
    const module = fileURLToPath(new URL('../../dist/telemetry/spool.js', import.meta.url));
    const program = `
      const { Spool } = await import(${JSON.stringify(module)});
      const spool = await Spool.open({ dir: ${JSON.stringify(dir)}, maxBytes: 1e8, segmentBytes: 5000 });
      for (let i = 1; ; i++) { await spool.append([Buffer.from('record ' + i)]); process.stdout.write(i + '\\n'); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = 0;
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (part: Buffer) => {
        told = Number(part.toString().trim().split('\n').at(-1));
        if (told > 300) child.kill('SIGKILL');
      });
      child.once('exit', () => resolve());
    });
    const records = await all(await open(dir, 1e8));
    expect(records.length).toBeGreaterThanOrEqual(told);
    records.forEach(([seq, payload], i) => expect([seq, payload]).toEqual([i + 1, `record ${i + 1}`]));
  });
});
