/**
 * The control plane's side of the device protocol for tests: a real gRPC server with mutual TLS and real TUF repositories,
 * with knobs that make it fail or lie.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import type { EnrollmentBundle } from '@verge/contracts';
import {
  deviceService,
  enrollmentService,
  packCoding,
  type Chunk,
  type DesiredState,
  type DeviceHandlers,
  type DownloadRequestReceived,
  type EncodingReceived,
  type EnrollmentHandlers,
  type StatusReportReceived,
  type TelemetryRecordReceived,
} from '@verge/contracts/grpc';
import {
  createAuthority,
  createDeviceRequest,
  issueDeviceCertificate,
  issueServerCertificate,
  type Authority,
} from '@verge/trust/identity';
import {
  createKey,
  directorMetadata,
  initDirector,
  initRepository,
  renewRepository,
  updateTargets,
  type MetadataFiles,
  type SigningKey,
  type Target,
} from '@verge/trust/publish';
import { digestOf, type BuiltArtifact } from './artifacts.js';

const day = 24 * 60 * 60 * 1000;

/** A packed form: what it holds, and what is said of it where that is not so. */
export interface PackedForm {
  bytes: Buffer;
  base?: string;
  said?: Partial<EncodingReceived>;
}

/** How the gateway misbehaves. */
export interface Knobs {
  /** What is sent of a blob to who takes packed forms, with what is said of it; a base is sent to who has it. */
  packed: Map<string, PackedForm>;
  /** Bytes of a blob replaced on the way out. */
  tamper: Map<string, (bytes: Buffer) => Buffer>;
  /** Answered instead of the blob. */
  downloadStatus: status | null;
  /** A download breaks off after so many bytes, once for each entry. */
  breakAfter: number[];
  /** Bytes of a chunk. */
  chunkBytes: number;
  /** Milliseconds between chunks. */
  chunkDelayMs: number;
  /** The next enrolment is carried out and its reply lost. */
  loseEnrollReply: boolean;
  /** The next pushes are stored and their acknowledgements lost. */
  loseAcks: number;
  /** Days that renewed and enrolled certificates live. */
  certificateDays: number;
}

export class Gateway {
  readonly knobs: Knobs = {
    packed: new Map(),
    tamper: new Map(),
    downloadStatus: null,
    breakAfter: [],
    chunkBytes: 256 * 1024,
    chunkDelayMs: 0,
    loseEnrollReply: false,
    loseAcks: 0,
    certificateDays: 30,
  };
  readonly reports: StatusReportReceived[] = [];
  /** What was counted: the first copy of each (spool, seq). */
  readonly records = new Map<string, TelemetryRecordReceived>();
  duplicates = 0;
  enrollments = 0;
  renewals = 0;
  expiredRenewals = 0;
  /** Download calls, and from where on a packed form was sent: null where none was. */
  readonly downloads: (DownloadRequestReceived & { packed: number | null })[] = [];
  readonly deviceId = randomUUID();
  readonly projectId = randomUUID();
  token = randomBytes(24).toString('base64url');

  private readonly cursors = new Map<string, number>();
  private readonly blobs = new Map<string, Buffer>();
  private readonly releaseKey = createKey();
  private readonly directorKey = createKey();
  private release: MetadataFiles;
  private directorRoots: MetadataFiles;
  private director: MetadataFiles = new Map();
  private directorVersion = 0;
  private enrolledKey: string | null = null;
  private desired: DesiredState = { generation: 0, target: null, reportIntervalSeconds: 1 };
  private readonly watchers = new Set<ServerWritableStream<unknown, DesiredState>>();
  private servers: Server[] = [];
  private ports = { enrollment: 0, device: 0 };

  private constructor(
    private readonly authority: Authority,
    private readonly serverKey: { certificatePem: string; privateKeyPem: string },
  ) {
    const keys = {
      root: [this.releaseKey],
      targets: [this.releaseKey],
      snapshot: [this.releaseKey],
      timestamp: [this.releaseKey],
    };
    this.release = initRepository({ keys });
    this.directorRoots = initDirector({ key: this.directorKey });
    this.direct([]);
  }

  static async start(): Promise<Gateway> {
    const authority = await createAuthority({ commonName: 'test authority' });
    const issued = await issueServerCertificate(authority, {
      commonName: 'gateway',
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
    });
    const gateway = new Gateway(authority, issued);
    await gateway.up();
    return gateway;
  }

  /** Listens, on the same ports as before. */
  async up(): Promise<void> {
    const pair = {
      cert_chain: Buffer.from(this.serverKey.certificatePem),
      private_key: Buffer.from(this.serverKey.privateKeyPem),
    };
    const enrollment = new Server();
    enrollment.addService(enrollmentService, this.enrollmentHandlers());
    const device = new Server();
    device.addService(deviceService, this.deviceHandlers());
    this.servers = [enrollment, device];
    this.ports.enrollment = await bind(
      enrollment,
      this.ports.enrollment,
      ServerCredentials.createSsl(null, [pair], false),
    );
    const mutual = ServerCredentials.createSsl(Buffer.from(this.authority.certificatePem), [pair], true);
    this.ports.device = await bind(device, this.ports.device, mutual);
  }

  /** Goes away at once, as a killed process does. */
  down(): void {
    for (const server of this.servers) server.forceShutdown();
    this.watchers.clear();
  }

  get bundle(): EnrollmentBundle {
    return {
      schema: 'verge.enrollment/1',
      endpoint: `127.0.0.1:${this.ports.enrollment}`,
      token: this.token,
      deviceClass: 'edge-small',
      authorityPem: this.authority.certificatePem,
      releaseRoot: Buffer.from(this.release.get('1.root.json')!).toString('base64'),
    };
  }

  /** Signs artifacts into the release repository and stores their blobs. */
  publish(...artifacts: BuiltArtifact[]): void {
    for (const { blobs } of artifacts) for (const [digest, bytes] of blobs) this.blobs.set(digest, bytes);
    const add = artifacts.map((artifact) => artifact.target);
    const files = updateTargets({ previous: this.release, keys: [this.releaseKey], add });
    for (const [name, bytes] of files) this.release.set(name, bytes);
  }

  /** People take an artifact back. */
  withdraw(artifact: BuiltArtifact): void {
    const withdraw = [{ path: artifact.target.path, reason: 'for a test' }];
    const files = updateTargets({ previous: this.release, keys: [this.releaseKey], withdraw });
    for (const [name, bytes] of files) this.release.set(name, bytes);
  }

  /** As if nobody had signed anything in the release repository for so many days. */
  ageRelease(days: number): void {
    const now = new Date(Date.now() - days * day);
    const { files } = renewRepository({ previous: this.release, keys: [this.releaseKey], now });
    for (const [name, bytes] of files) this.release.set(name, bytes);
  }

  /** Stores blobs that nobody signed. */
  store(artifact: BuiltArtifact): void {
    for (const [digest, bytes] of artifact.blobs) this.blobs.set(digest, bytes);
  }

  /** The director names an artifact, or none, and the device hears of it. */
  desire(
    artifact: BuiltArtifact | null,
    options: { key?: SigningKey; expires?: Date; deviceId?: string; silent?: boolean; serveNothing?: boolean } = {},
  ): number {
    this.direct(artifact ? [artifact.target] : [], options);
    const generation = Number(this.desired.generation) + 1;
    this.desired = {
      generation,
      target: artifact && {
        path: artifact.target.path,
        manifestDigest: artifact.digest,
        model: artifact.manifest.model,
        version: artifact.manifest.version,
        rolloutId: '',
      },
      reportIntervalSeconds: 1,
      serveNothing: options.serveNothing ?? false,
    };
    for (const watcher of this.watchers) watcher.write(this.desired);
    return generation;
  }

  /** The last report, or null. */
  get last(): StatusReportReceived | null {
    return this.reports.at(-1) ?? null;
  }

  get counted(): { requests: number; errors: number } {
    const all = [...this.records.values()];
    return { requests: all.reduce((s, r) => s + r.requests, 0), errors: all.reduce((s, r) => s + r.errors, 0) };
  }

  private direct(
    targets: readonly Target[],
    options: { key?: SigningKey; expires?: Date; deviceId?: string } = {},
  ): void {
    const version = ++this.directorVersion;
    const foreign = options.key !== undefined;
    this.director = directorMetadata({
      roots: foreign ? initDirector({ key: options.key! }) : this.directorRoots,
      deviceId: options.deviceId ?? this.deviceId,
      targets,
      versions: { targets: version, snapshot: version, timestamp: version },
      key: options.key ?? this.directorKey,
      expires: options.expires ?? new Date(Date.now() + 7 * day),
    });
  }

  private enrollmentHandlers(): EnrollmentHandlers {
    return {
      Enroll: (call, done) => {
        const { token, csrDer } = call.request;
        if (token !== this.token) return done({ code: status.PERMISSION_DENIED, details: 'the token is not known' });
        const csr = Buffer.from(csrDer).toString('base64');
        if (this.enrolledKey !== null && this.enrolledKey !== csr) {
          return done({ code: status.PERMISSION_DENIED, details: 'the token was used' });
        }
        this.enrolledKey = csr;
        this.enrollments++;
        if (this.knobs.loseEnrollReply) {
          this.knobs.loseEnrollReply = false;
          return done({ code: status.UNAVAILABLE, details: 'the connection was lost' });
        }
        this.certify(csr).then(
          (certificatePem) =>
            done(null, {
              deviceId: this.deviceId,
              projectId: this.projectId,
              name: call.request.name || 'device-1',
              certificateChainPem: certificatePem,
              authorityPem: this.authority.certificatePem,
              directorRoot: Buffer.from(this.directorRoots.get('1.root.json')!),
              deviceEndpoint: `127.0.0.1:${this.ports.device}`,
            }),
          (error: unknown) => done({ code: status.INVALID_ARGUMENT, details: String(error) }),
        );
      },
      RenewExpired: (call, done) => {
        this.expiredRenewals++;
        this.certify(Buffer.from(call.request.csrDer).toString('base64')).then(
          (certificateChainPem) => done(null, { certificateChainPem, enrollmentEndpoint: this.bundle.endpoint }),
          (error: unknown) => done({ code: status.INVALID_ARGUMENT, details: String(error) }),
        );
      },
    };
  }

  /** Another token for the same device, once. */
  newToken(): string {
    this.enrolledKey = null;
    return (this.token = randomBytes(24).toString('base64url'));
  }

  /** A certificate for the device's key as it was so many days ago. */
  async agedCertificate(privateKeyPem: string, days: number): Promise<string> {
    const { csrPem } = await createDeviceRequest({ commonName: 'device', privateKeyPem });
    const { deviceId, projectId } = this;
    const now = new Date(Date.now() - days * day);
    return (await issueDeviceCertificate(this.authority, csrPem, { deviceId, projectId, now })).certificatePem;
  }

  /** Every record up to it is stored, or was dropped by the device. */
  private through(spoolId: string, oldestSeq: number): number {
    let seq = Math.max(this.cursors.get(spoolId) ?? 0, oldestSeq - 1);
    while (this.records.has(`${spoolId}/${seq + 1}`)) seq++;
    this.cursors.set(spoolId, seq);
    return seq;
  }

  private async certify(csrBase64: string): Promise<string> {
    const csrPem = `-----BEGIN CERTIFICATE REQUEST-----\n${csrBase64}\n-----END CERTIFICATE REQUEST-----\n`;
    const { deviceId, projectId } = this;
    const options = { deviceId, projectId, days: this.knobs.certificateDays };
    return (await issueDeviceCertificate(this.authority, csrPem, options)).certificatePem;
  }

  private deviceHandlers(): DeviceHandlers {
    return {
      Watch: (call) => {
        this.watchers.add(call);
        call.on('cancelled', () => this.watchers.delete(call));
        call.write(this.desired);
      },
      Report: (call, done) => {
        this.reports.push(call.request);
        done(null, {});
      },
      GetMetadata: (call, done) => {
        const files = call.request.repository === 'RELEASE' ? this.release : this.director;
        const content = files.get(call.request.name);
        if (!content) return done({ code: status.NOT_FOUND, details: `no ${call.request.name}` });
        done(null, { content: Buffer.from(content) });
      },
      Download: (call) => {
        this.download(call).catch((error: unknown) => call.emit('error', error));
      },
      Renew: (call, done) => {
        this.renewals++;
        this.certify(Buffer.from(call.request.csrDer).toString('base64')).then(
          (certificateChainPem) => done(null, { certificateChainPem }),
          (error: unknown) => done({ code: status.INVALID_ARGUMENT, details: String(error) }),
        );
      },
      PushTelemetry: (call, done) => {
        const { spoolId, records } = call.request;
        let duplicates = 0;
        for (const record of records) {
          const key = `${spoolId}/${record.seq}`;
          if (this.records.has(key)) duplicates++;
          else this.records.set(key, record);
        }
        this.duplicates += duplicates;
        if (this.knobs.loseAcks > 0) {
          this.knobs.loseAcks--;
          return done({ code: status.UNAVAILABLE, details: 'the acknowledgement was lost' });
        }
        const throughSeq = this.through(spoolId, call.request.oldestSeq);
        done(null, { throughSeq, accepted: records.length - duplicates, duplicates });
      },
    };
  }

  /** As a control plane that knows packed forms; the offset of one that is whole at the device is not asked for. */
  private formFor(asked: DownloadRequestReceived): { bytes: Buffer; encoding: EncodingReceived } | null {
    const { digest, codings, bases, encodedDigest, encodedOffset } = asked;
    const form = this.knobs.packed.get(digest);
    if (!form || !codings.includes(packCoding) || (form.base !== undefined && !bases.includes(form.base))) return null;
    const own = digestOf(form.bytes);
    const said = { coding: packCoding, digest: own, bytes: form.bytes.length, base: form.base ?? '' };
    return {
      bytes: form.bytes,
      encoding: { ...said, offset: encodedDigest === own ? encodedOffset : 0, ...form.said },
    };
  }

  private async download(call: ServerWritableStream<DownloadRequestReceived, Chunk>): Promise<void> {
    const { digest } = call.request;
    const { knobs } = this;
    const form = this.formFor(call.request);
    this.downloads.push({ ...call.request, packed: form?.encoding.offset ?? null });
    const stored = this.blobs.get(digest);
    if (knobs.downloadStatus !== null)
      return (call.emit('error', { code: knobs.downloadStatus, details: 'refused' }), undefined);
    if (!stored) return (call.emit('error', { code: status.NOT_FOUND, details: `no ${digest}` }), undefined);
    const bytes = form?.bytes ?? (knobs.tamper.get(digest) ?? ((b: Buffer) => b))(stored);
    const offset = form?.encoding.offset ?? call.request.offset;
    // Small files are spared, where they come as they are.
    const limit = form !== null || bytes.length > 300_000 ? (knobs.breakAfter.shift() ?? Infinity) : Infinity;
    for (let at = offset; at < bytes.length && !call.cancelled; at += knobs.chunkBytes) {
      if (at - offset >= limit)
        return (call.emit('error', { code: status.UNAVAILABLE, details: 'broken off' }), undefined);
      const data = bytes.subarray(at, at + knobs.chunkBytes);
      call.write({ data, totalBytes: stored.length, encoding: at === offset && form ? form.encoding : null });
      if (knobs.chunkDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, knobs.chunkDelayMs));
    }
    call.end();
  }
}

function bind(server: Server, port: number, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
}
