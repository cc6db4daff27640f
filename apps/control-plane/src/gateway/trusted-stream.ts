import type { ServerWritableStream } from '@grpc/grpc-js';
import type { OpenStreams } from '../access/open-streams.js';
import type { CallingDevice } from './authenticate.js';
import { GatewayError, toServiceError } from './status.js';

/** Serves a stream for as long as the device may have it: to its end, or until it is revoked or its certificate expires. */
export async function whileTrusted<Request, Response>(
  streams: OpenStreams,
  device: CallingDevice,
  call: ServerWritableStream<Request, Response>,
  serve: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const cut = new AbortController();
  const { deviceId: id, serial, notAfter: expiresAt } = device;
  const ended = streams.add({ kind: 'device', id, serial, expiresAt }, (why) => {
    cut.abort();
    const error =
      why === 'expired'
        ? new GatewayError('UNAUTHENTICATED', `the certificate expired at ${expiresAt.toISOString()}`)
        : new GatewayError('PERMISSION_DENIED', 'the device was revoked');
    if (!call.destroyed) call.emit('error', toServiceError(error));
  });
  try {
    await serve(cut.signal);
  } finally {
    ended();
  }
}
