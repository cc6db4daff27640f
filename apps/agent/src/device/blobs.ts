/** Blobs over the Download stream, cancelled when the update is given up, with a limit on silence. */
import { AgentError } from '../errors.js';
import type { FetchFrom, Piece } from '../update/transfer.js';
import type { Connection } from './connection.js';

/** A stream that brings nothing for so long is dead, whatever the connection says; the download goes on from there. */
const silenceMs = 30_000;

export function blobFetcher(connection: Connection, signal: AbortSignal): FetchFrom {
  return async function* fetchFrom(asked) {
    signal.throwIfAborted();
    const stream = connection.download(asked);
    const cancel = (): void => stream.cancel();
    let silent = false;
    let timer = setTimeout(() => {
      silent = true;
      cancel();
    }, silenceMs);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const chunk of stream as AsyncIterable<Piece>) {
        timer = timer.refresh();
        yield chunk;
      }
    } catch (error) {
      if (silent)
        throw new AgentError('DOWNLOAD_FAILED', `nothing arrived for ${silenceMs / 1000} s`, { cause: error });
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      stream.cancel();
    }
  };
}
