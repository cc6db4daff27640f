import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { MessageReader, sendMessage, type Message } from './frames.js';

describe('frames', () => {
  it.each([1, 3, 7, 64, 100_000])('survive chunks of %d bytes', async (size) => {
    const stream = new PassThrough();
    const blobs = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(1000).fill(7)];
    sendMessage(stream, { id: 1 }, blobs);
    sendMessage(stream, { id: 2, text: 'ü' }, []);
    await new Promise(setImmediate);
    const wire = stream.read() as Buffer;
    const reader = new MessageReader();
    const messages: Message[] = [];
    for (let at = 0; at < wire.length; at += size) messages.push(...reader.push(wire.subarray(at, at + size)));
    expect(messages).toHaveLength(2);
    expect(messages[0]!.blobs).toEqual(blobs);
    expect(messages[0]!.blobs.every((b) => b.byteOffset % 8 === 0)).toBe(true);
    expect(messages[1]!.header).toMatchObject({ id: 2, text: 'ü' });
  });
});
