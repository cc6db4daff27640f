/** A file's lines, one at a time: line feed or carriage return and line feed, the last with or without its end. */
import { StringDecoder } from 'node:string_decoder';
import { openStream } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** @throws DataError `not-found`, `malformed` (broken gzip) or `too-large` when one line is longer than `maxBytes` */
export async function* linesOf(path: string, maxBytes: number): AsyncGenerator<Line> {
  const stream = await openStream(path);
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let number = 0;
  const checked = (text: string): string => {
    if (text.length <= maxBytes) return text;
    throw new DataError('too-large', `line ${number + 1} of '${path}' is longer than ${maxBytes} bytes`);
  };
  const line = (text: string): Line => {
    checked(text);
    return { number: ++number, text: text.endsWith('\r') ? text.slice(0, -1) : text };
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const text of parts) yield line(text);
      checked(rest);
    }
    if (rest !== '') yield line(rest);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('malformed', `'${path}' cannot be read: ${messageOf(cause)}`, { cause });
  } finally {
    stream.destroy();
  }
}
