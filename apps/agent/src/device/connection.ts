/** The device's mTLS channel to the control plane. A renewed certificate makes a new channel; calls find the newest one. */
import { credentials, status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import {
  chunkLimits,
  DeviceClient,
  type Chunk,
  type DesiredStateReceived,
  type Device,
  type StatusReport,
  type TelemetryAckReceived,
  type TelemetryBatch,
} from '@verge/contracts/grpc';
import type { Identity } from '../identity.js';
import type { Asked } from '../update/transfer.js';

/** The last call of a channel is over within it, then the old channel is closed. */
const oldChannelMs = 60_000;

export type GrpcError = ServiceError;

export function isGrpcError(error: unknown): error is GrpcError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

export class Connection {
  private client: Device;

  constructor(identity: Identity) {
    this.client = open(identity);
  }

  /** Uses a renewed certificate from the next call on. */
  renew(identity: Identity): void {
    const old = this.client;
    this.client = open(identity);
    setTimeout(() => old.close(), oldChannelMs).unref();
  }

  watch(generation: number): ClientReadableStream<DesiredStateReceived> {
    return this.client.watch({ generation });
  }

  report(report: StatusReport): Promise<void> {
    return this.unary<unknown>((done) => this.client.report(report, within(15_000), done)).then(() => undefined);
  }

  pushTelemetry(batch: TelemetryBatch): Promise<TelemetryAckReceived> {
    return this.unary((done) => this.client.pushTelemetry(batch, within(30_000), done));
  }

  /** Null when the repository has no such file. */
  async getMetadata(repository: 'RELEASE' | 'DIRECTOR', name: string): Promise<Buffer | null> {
    try {
      const request = { repository, name };
      const reply = await this.unary<{ content: Buffer }>((done) =>
        this.client.getMetadata(request, within(15_000), done),
      );
      return reply.content;
    } catch (error) {
      if (isGrpcError(error) && error.code === status.NOT_FOUND) return null;
      throw error;
    }
  }

  /** A blob, the rest of it. The stream must be read to its end or cancelled. */
  download(asked: Asked): ClientReadableStream<Chunk> {
    return this.client.download({ ...asked, chunkBytes: chunkLimits.max });
  }

  renewCertificate(csrDer: Buffer): Promise<{ certificateChainPem: string; enrollmentEndpoint: string }> {
    return this.unary((done) => this.client.renew({ csrDer }, within(15_000), done));
  }

  close(): void {
    this.client.close();
  }

  private unary<T>(call: (done: (error: ServiceError | null, reply?: T) => void) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      call((error, reply) => (error ? reject(error) : resolve(reply as T)));
    });
  }
}

function within(ms: number): { deadline: number } {
  return { deadline: Date.now() + ms };
}

function open(identity: Identity): Device {
  const channelCredentials = credentials.createSsl(
    Buffer.from(identity.authorityPem),
    Buffer.from(identity.privateKeyPem),
    Buffer.from(identity.certificateChainPem),
  );
  return new DeviceClient(identity.endpoint, channelCredentials, {
    // A dead peer is noticed within half a minute, also when no packet says so.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 0,
    // Our own back-off, with jitter, decides when to try; the channel must be ready to.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
  });
}
