/**
 * Messages between a process and its inference child: a JSON header and binary blobs.
 *
 * Wire: u32 header length, u32 body length (both little-endian), the header as UTF-8, the body. Every blob begins at a
 * multiple of 8 in the body, so that the receiver views it as a typed array without copying.
 */
import type { Duplex } from 'node:stream';
import { RuntimeError } from '../errors.js';

export interface Message {
  header: Record<string, unknown>;
  blobs: Uint8Array[];
}

const prefix = 8;
const maxHeader = 16 * 1024 * 1024;
const padding = new Uint8Array(8);
const padded = (length: number): number => Math.ceil(length / 8) * 8;
/** What the length of a body can say, and a typed array can hold. */
const maxBody = 2 ** 32 - 8;
/** Blobs are handed to the stream in pieces of this many bytes; a pipe takes no 2 GiB at once. */
const piece = 2 ** 28;

/** Bodies up to this are copied into one buffer: one write of one piece costs less than the copy saves. */
const copyLimit = 256 * 1024;

/**
 * Writes one message; large blobs are handed to the stream as they are and must not change until they are flushed.
 * @throws RuntimeError `bad-setting` for blobs of 4 GiB and more together
 */
export function sendMessage(stream: Duplex, header: Record<string, unknown>, blobs: readonly Uint8Array[]): void {
  const text = Buffer.from(JSON.stringify({ ...header, blobs: blobs.map((b) => b.byteLength) }));
  const body = blobs.reduce((n, b) => n + padded(b.byteLength), 0);
  if (body > maxBody)
    throw new RuntimeError('bad-setting', `${body} bytes for another process, which takes ${maxBody} at once`);
  const copied = body <= copyLimit;
  const head = Buffer.allocUnsafe(prefix + text.length + (copied ? body : 0));
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(body, 4);
  text.copy(head, prefix);
  if (copied) {
    let at = prefix + text.length;
    for (const blob of blobs) {
      head.set(blob, at);
      head.fill(0, at + blob.byteLength, at + padded(blob.byteLength));
      at += padded(blob.byteLength);
    }
    stream.write(head);
    return;
  }
  stream.cork();
  stream.write(head);
  for (const blob of blobs) {
    for (let at = 0; at < blob.byteLength; at += piece) stream.write(blob.subarray(at, at + piece));
    const rest = padded(blob.byteLength) - blob.byteLength;
    if (rest > 0) stream.write(padding.subarray(0, rest));
  }
  process.nextTick(() => stream.uncork());
}

/** Reassembles messages from the chunks of a stream. */
export class MessageReader {
  #head = Buffer.alloc(prefix);
  #headFilled = 0;
  #text: Buffer | undefined;
  #textFilled = 0;
  #body: Uint8Array = new Uint8Array(0);
  #bodyFilled = 0;

  /** @returns the messages that this chunk completes */
  push(chunk: Uint8Array): Message[] {
    const messages: Message[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (!this.#text) at = this.#takeHead(chunk, at);
      else if (this.#textFilled < this.#text.length) {
        const n = Math.min(chunk.length - at, this.#text.length - this.#textFilled);
        this.#text.set(chunk.subarray(at, at + n), this.#textFilled);
        this.#textFilled += n;
        at += n;
      } else {
        const n = Math.min(chunk.length - at, this.#body.length - this.#bodyFilled);
        this.#body.set(chunk.subarray(at, at + n), this.#bodyFilled);
        this.#bodyFilled += n;
        at += n;
      }
      const done = this.#finish();
      if (done) messages.push(done);
    }
    return messages;
  }

  #takeHead(chunk: Uint8Array, from: number): number {
    const n = Math.min(chunk.length - from, prefix - this.#headFilled);
    this.#head.set(chunk.subarray(from, from + n), this.#headFilled);
    this.#headFilled += n;
    if (this.#headFilled === prefix) {
      const length = this.#head.readUInt32LE(0);
      if (length > maxHeader) throw new RuntimeError('crashed', `a message header of ${length} bytes`);
      this.#text = Buffer.allocUnsafe(length);
      this.#textFilled = 0;
      this.#body = new Uint8Array(this.#head.readUInt32LE(4));
      this.#bodyFilled = 0;
    }
    return from + n;
  }

  #finish(): Message | null {
    const text = this.#text;
    if (!text || this.#textFilled < text.length || this.#bodyFilled < this.#body.length) return null;
    const header = JSON.parse(text.toString('utf8')) as Record<string, unknown> & { blobs: number[] };
    let at = 0;
    const blobs = header.blobs.map((length) => {
      const blob = this.#body.subarray(at, at + length);
      at += padded(length);
      return blob;
    });
    this.#text = undefined;
    this.#headFilled = 0;
    return { header, blobs };
  }
}
