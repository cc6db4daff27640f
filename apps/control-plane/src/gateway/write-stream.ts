import type { ServerWritableStream } from '@grpc/grpc-js';

/**
 * Writes one message and waits until the stream takes more. Resolves to false when the other side has gone, or the stream was cut.
 * Both listeners go after every wait: a long stream would otherwise gather them by the thousand.
 */
export function writeMessage<Request, Response>(
  call: ServerWritableStream<Request, Response>,
  message: Response,
  cut?: AbortSignal,
): Promise<boolean> {
  if (call.cancelled || call.destroyed || cut?.aborted) return Promise.resolve(false);
  if (call.write(message)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (alive: boolean) => {
      call.off('drain', onDrain);
      call.off('cancelled', onGone);
      call.off('close', onGone);
      cut?.removeEventListener('abort', onGone);
      resolve(alive);
    };
    const onDrain = () => settle(true);
    const onGone = () => settle(false);
    call.on('drain', onDrain);
    call.on('cancelled', onGone);
    call.on('close', onGone);
    cut?.addEventListener('abort', onGone);
  });
}
