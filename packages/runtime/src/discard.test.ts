import { describe, expect, it } from 'vitest';
import { discard } from './discard.js';

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
