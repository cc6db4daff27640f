import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { batchesOf, openDataset, openSource, Random } from '../index.js';
import { testFolder } from '../test-folder.js';
import { idx } from './test-idx.js';

const { folder, put, remove } = testFolder('verge-memory-');
afterAll(remove);

describe('memory', () => {
  const full = process.env['VERGE_TEST_FULL'] !== undefined;
  const megabyte = 1024 ** 2;

  async function large(name: string, head: Uint8Array, chunk: Uint8Array, times: number): Promise<string> {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    const out = createWriteStream(path);
    out.write(head);
    for (let i = 0; i < times; i++) if (!out.write(chunk)) await once(out, 'drain');
    out.end();
    await finished(out);
    return path;
  }

  // Garbage is no need: on a busy machine V8 lets more of it lie, which the resident set shows.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const BATCHES_BETWEEN = 20;

  /** Reads everything once in shuffled batches; how far the resident set grew, in MB. */
  async function growth(path: string): Promise<number> {
    collect();
    const before = process.memoryUsage().rss;
    let most = before;
    const source = await openSource(path);
    const order = new Random(1).permutation(source.count);
    let rows = 0;
    let batches = 0;
    for await (const batch of batchesOf(source, 64, order)) {
      rows += batch.y.length;
      if (++batches % BATCHES_BETWEEN === 0) collect();
      most = Math.max(most, process.memoryUsage().rss);
    }
    expect(rows).toBe(source.count);
    await source.close();
    return (most - before) / megabyte;
  }

  /** The measure itself: the whole file in memory does show. */
  async function inMemory(path: string): Promise<number> {
    const before = process.memoryUsage().rss;
    const { x } = await openDataset(path);
    expect(x.length).toBeGreaterThan(0);
    return (process.memoryUsage().rss - before) / megabyte;
  }

  async function images(size: number, bound: number): Promise<void> {
    const count = size * 64;
    const path = await large(`big${size}/images-idx3`, idx(8, [count, 128, 128], []), Buffer.alloc(megabyte, 5), size);
    await put(`big${size}/labels-idx1`, idx(8, [count], new Uint8Array(count)));
    expect(await growth(path)).toBeLessThan(bound);
    expect(await inMemory(path)).toBeGreaterThan(0.8 * size);
  }

  it('48 MB of IDX are read with less than 40 MB more', () => images(48, 40));

  it.skipIf(!full)('VERGE_TEST_FULL: 200 MB of IDX are read with less than 80 MB more', () => images(200, 80));

  it.skipIf(!full)('VERGE_TEST_FULL: 200 MB of CSV are read with less than 80 MB more', async () => {
    const row = `${Array.from({ length: 255 }, (_, i) => (i / 7).toFixed(6)).join(',')},1\n`;
    const chunk = Buffer.from(row.repeat(512));
    const path = await large('big.csv', Buffer.alloc(0), chunk, Math.ceil((200 * megabyte) / chunk.length));
    expect(await growth(path)).toBeLessThan(80);
  });
});
