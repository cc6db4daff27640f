/** A device that speaks the real protocol over real sockets, without a model. */
import { createHash, randomUUID } from 'node:crypto';
import type { CallOptions, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { credentials, status } from '@grpc/grpc-js';
import type { EnrollmentBundle, UpdateState } from '@verge/contracts';
import type {
  Chunk as ChunkReceived,
  DesiredStateReceived,
  Device,
  DownloadRequest,
  EncodingReceived,
  EnrollReplyReceived,
  StatusReport,
  TargetReceived,
  TelemetryAckReceived,
  TelemetryRecord,
} from '@verge/contracts/grpc';
import { DeviceClient, EnrollmentClient } from '@verge/contracts/grpc';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import { createDeviceRequest } from '@verge/trust/identity';

export interface Identity {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly authorityPem: string;
}

/** What a device makes of a target: serve it, or refuse with a code. */
export type Judgement = 'ok' | { code: string; message: string };

export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

export async function requestEnrollment(
  bundle: EnrollmentBundle,
  options: { name?: string; deviceClass?: string; request?: { privateKeyPem: string; csrPem: string } } = {},
): Promise<{ reply: EnrollReplyReceived; privateKeyPem: string }> {
  const request = options.request ?? (await createDeviceRequest({ commonName: 'new device' }));
  const client = new EnrollmentClient(bundle.endpoint, credentials.createSsl(Buffer.from(bundle.authorityPem)));
  try {
    const reply = await new Promise<EnrollReplyReceived>((resolve, reject) => {
      const message = {
        token: bundle.token,
        csrDer: derOf(request.csrPem),
        name: options.name ?? '',
        deviceClass: options.deviceClass ?? bundle.deviceClass,
        facts: { arch: 'x64', cores: '2' },
      };
      client.enroll(message, deadline(), (error, value) => (error ? reject(error) : resolve(value!)));
    });
    return { reply, privateKeyPem: request.privateKeyPem };
  } finally {
    client.close();
  }
}

export function connect(endpoint: string, identity: Partial<Identity> & { authorityPem: string }): Device {
  const { authorityPem, privateKeyPem, certificatePem } = identity;
  const key = privateKeyPem === undefined ? null : Buffer.from(privateKeyPem);
  const certificate = certificatePem === undefined ? null : Buffer.from(certificatePem);
  return new DeviceClient(endpoint, credentials.createSsl(Buffer.from(authorityPem), key, certificate), {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
  });
}

export const deadline = (): CallOptions => ({ deadline: Date.now() + 60_000 });

export class SimulatedDevice {
  readonly id: string;
  readonly spoolId = randomUUID();
  readonly states: DesiredStateReceived[] = [];
  active = '';
  /** What becomes of each target. */
  judge: (target: TargetReceived) => Judgement = () => 'ok';
  watchError: ServiceError | null = null;
  client: Device;
  private generation = 0;
  private seq = 0;
  private stream: ClientReadableStream<DesiredStateReceived> | null = null;
  private work: Promise<void> = Promise.resolve();
  private stopped = false;

  private constructor(
    readonly identity: Identity,
    readonly enrolled: EnrollReplyReceived,
    readonly endpoint: string,
  ) {
    this.id = enrolled.deviceId;
    this.client = connect(endpoint, identity);
  }

  static async enroll(bundle: EnrollmentBundle, name = '', endpoint?: string): Promise<SimulatedDevice> {
    const { reply, privateKeyPem } = await requestEnrollment(bundle, { name });
    const { certificateChainPem: certificatePem, authorityPem } = reply;
    return new SimulatedDevice(
      { privateKeyPem, certificatePem, authorityPem },
      reply,
      endpoint ?? reply.deviceEndpoint,
    );
  }

  /** Follows the desired state until stopped, across broken connections. */
  watch(): this {
    const stream = this.client.watch({ generation: this.generation });
    this.stream = stream;
    stream.on('data', (state: DesiredStateReceived) => {
      this.states.push(state);
      this.work = this.work.then(() => this.act(state)).catch(() => undefined);
    });
    stream.on('error', (error: ServiceError) => {
      this.watchError = error;
      if (!this.stopped && error.code === status.UNAVAILABLE) setTimeout(() => !this.stopped && this.watch(), 100);
    });
    stream.on('end', () => undefined);
    return this;
  }

  stop(): void {
    this.stopped = true;
    this.stream?.cancel();
    this.client.close();
  }

  /** The same device, switched on again. */
  again(): SimulatedDevice {
    const device = new SimulatedDevice(this.identity, this.enrolled, this.endpoint);
    device.active = this.active;
    return device.watch();
  }

  private async act(state: DesiredStateReceived): Promise<void> {
    if (state.generation < this.generation || this.stopped) return;
    this.generation = state.generation;
    const { target } = state;
    if (state.serveNothing) this.active = '';
    if (target === null || target.manifestDigest === this.active) return this.persist('idle');
    await this.persist('checking', target);
    await this.persist('downloading', target);
    const judgement = this.judge(target);
    if (judgement !== 'ok') {
      await this.persist('failed', target, { errorCode: judgement.code, errorMessage: judgement.message });
      return this.persist('idle');
    }
    this.active = target.manifestDigest;
    await this.persist('committed', target);
    await this.persist('idle');
  }

  /** A report must arrive, for it says what has happened; so it is sent until it does. */
  private async persist(
    updateState: UpdateState,
    target?: TargetReceived,
    more: Partial<StatusReport> = {},
  ): Promise<void> {
    while (!this.stopped) {
      try {
        return await this.report(updateState, target, more);
      } catch (error) {
        if ((error as ServiceError).code !== status.UNAVAILABLE) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  report(updateState: UpdateState, target?: TargetReceived, more: Partial<StatusReport> = {}): Promise<void> {
    const message: StatusReport = {
      atMs: Date.now(),
      generation: this.generation,
      updateState,
      activeDigest: this.active,
      targetDigest: target?.manifestDigest ?? '',
      rolloutId: target?.rolloutId ?? '',
      rssBytes: 100_000_000,
      ...more,
    };
    return new Promise((resolve, reject) =>
      this.client.report(message, deadline(), (error) => (error ? reject(error) : resolve())),
    );
  }

  /** One record of what the active artifact has answered. */
  record(options: {
    requests: number;
    errors?: number;
    callerErrors?: number;
    loadErrors?: number;
    latencyMs: number;
    digest?: string;
  }): TelemetryRecord {
    const now = Date.now();
    return {
      seq: ++this.seq,
      startMs: now - 1000,
      endMs: now,
      artifactDigest: options.digest ?? this.active,
      requests: options.requests,
      errors: options.errors ?? 0,
      callerErrors: options.callerErrors ?? 0,
      loadErrors: options.loadErrors ?? 0,
      latencySketch: latencies(options.requests, options.latencyMs),
      classes: [{ index: 1, count: options.requests }],
      features: [],
    };
  }

  push(records: TelemetryRecord[], oldestSeq = 0, spoolId = this.spoolId): Promise<TelemetryAckReceived> {
    return new Promise((resolve, reject) =>
      this.client.pushTelemetry({ spoolId, records, oldestSeq }, deadline(), (error, ack) =>
        error ? reject(error) : resolve(ack!),
      ),
    );
  }

  serve(requests: number, latencyMs: number, errors = 0): Promise<TelemetryAckReceived> {
    return this.push([this.record({ requests, latencyMs, errors })]);
  }

  metadata(repository: 'RELEASE' | 'DIRECTOR', name: string): Promise<Buffer> {
    return new Promise((resolve, reject) =>
      this.client.getMetadata({ repository, name }, deadline(), (error, reply) =>
        error ? reject(error) : resolve(reply!.content),
      ),
    );
  }

  /** Downloads from an offset on; stops by itself after `most` bytes. @param more what newer devices say besides */
  download(
    digest: string,
    offset = 0,
    most = Infinity,
    more: Partial<DownloadRequest> = {},
  ): Promise<{ bytes: Buffer; total: number; chunks: number[]; encoding: EncodingReceived | null }> {
    return new Promise((resolve, reject) => {
      const stream = this.client.download({ digest, offset, ...more }, deadline());
      const parts: Buffer[] = [];
      let [size, total] = [0, 0];
      let encoding: EncodingReceived | null = null;
      const done = () =>
        resolve({ bytes: Buffer.concat(parts), total, chunks: parts.map((part) => part.length), encoding });
      stream.on('data', (chunk: ChunkReceived) => {
        if (chunk.totalBytes > 0) total = chunk.totalBytes;
        encoding ??= chunk.encoding;
        parts.push(chunk.data);
        size += chunk.data.length;
        if (size >= most) stream.cancel();
      });
      stream.on('end', done);
      stream.on('error', (error: ServiceError) => (size >= most ? done() : reject(error)));
    });
  }
}

function latencies(count: number, milliseconds: number): Buffer {
  const sketch = createSketch();
  for (let i = 0; i < count; i++) sketch.accept(milliseconds);
  return Buffer.from(encodeSketch(sketch));
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
