import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { GatewayError, toServiceError } from './status.js';
import { isTransient } from '../transient.js';

/** Turns functions that return or throw into handlers of grpc-js, and writes what nobody foresaw to the log. */
export class Answer {
  constructor(private readonly log: Logger) {}

  unary<Request, Response>(
    handle: (call: ServerUnaryCall<Request, Response>) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      handle(call).then(
        (response) => callback(null, response),
        (error: unknown) => callback(this.refusal(call.getPath(), error)),
      );
    };
  }

  /** `handle` ends the call itself when it has written everything. */
  stream<Request, Response>(
    handle: (call: ServerWritableStream<Request, Response>) => Promise<void>,
  ): handleServerStreamingCall<Request, Response> {
    return (call) => {
      // A peer that goes away is not an error of ours, and an unheard 'error' would end the process.
      call.on('error', () => undefined);
      handle(call).catch((error: unknown) => {
        const refusal = this.refusal(call.getPath(), error);
        if (!call.cancelled && !call.destroyed) call.emit('error', refusal);
      });
    };
  }

  private refusal(path: string, error: unknown) {
    if (isTransient(error)) this.log.warn({ err: error, path }, 'a device call must be tried again');
    else if (!(error instanceof GatewayError)) this.log.error({ err: error, path }, 'a device call failed');
    return toServiceError(error);
  }
}
