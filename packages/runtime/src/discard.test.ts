import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, type Tensor } from '@verge/onnx';
import { discard } from './discard.js';
import { openSession } from './session.js';

describe('discard', () => {
  it('detaches the buffer from all its views', () => {
    const buffer = new ArrayBuffer(64);
    const view = new Float32Array(buffer, 8, 4);
    discard(buffer);
    expect([buffer.byteLength, view.length]).toEqual([0, 0]);
  });

  it('gives the memory back without a collection', () => {
    const megabyte = 2 ** 20;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 64; i++) discard(new ArrayBuffer(4 * megabyte));
    // A handful of other buffers may come and go; 256 MiB went through.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * megabyte);
  });
});

/** Whether memory is given out by glibc, on whose ways the next test depends. */
const header = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;

describe.skipIf(!header?.header?.glibcVersionRuntime)(
  'copies of outputs whose place was given (skipped without glibc)',
  () => {
    it('are made in memory that stays with the process', async () => {
      const [outputs, size] = [16, 2 ** 19];
      const b = new GraphBuilder();
      b.input('x', 'float32', [size]);
      const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
      for (const name of names) {
        b.node('Neg', ['x'], {}, 1, { outputNames: [name] });
        b.output(name, 'float32', [size]);
      }
      const session = await openSession(encodeModel(b.build()), { optimization: 'disabled' });
      const x = float32([size], new Float32Array(size).fill(1));
      const places = Object.fromEntries(
        names.map((name): [string, Tensor] => [name, float32([size], new Float32Array(size))]),
      );
      const run = async (times: number): Promise<number> => {
        const before = process.resourceUsage().minorPageFault;
        for (let i = 0; i < times; i++) await session.run({ x }, undefined, places);
        return (process.resourceUsage().minorPageFault - before) / times;
      };
      await run(8);
      // Of 8192 pages that the copies of a run fill.
      expect(await run(4)).toBeLessThan(2000);
      expect(places['y15']!.data[7]).toBe(-1);
      await session.release();
    });
  },
);
