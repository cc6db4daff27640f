/** The two gRPC servers that devices talk to: enrolment with server authentication only, everything else with mutual TLS. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import { deviceService, enrollmentService } from '@verge/contracts/grpc';
import type { Logger } from 'pino';
import { OpenStreams } from '../access/open-streams.js';
import { AuditService } from '../audit/audit.service.js';
import { Refusals } from '../audit/refusals.js';
import { AuthorityService } from '../authority/authority.service.js';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG, LOGGER } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { ReportService } from '../devices/report.service.js';
import { DirectorService } from '../director/director.service.js';
import { EventBus } from '../events/event-bus.js';
import { Packings } from '../packing/packings.service.js';
import { TelemetryService } from '../telemetry/telemetry.service.js';
import { Answer } from './answer.js';
import { deviceHandlers } from './device.handlers.js';
import { enrollmentHandlers } from './enrollment.handlers.js';
import { SentBytes } from './sent-bytes.js';
import { WatchStreams } from './watch-streams.js';

const MiB = 1024 * 1024;
const graceMs = 5_000;

const serverOptions = {
  // A device that vanished without a word is noticed by HTTP/2 PING (RFC 9113 6.7).
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': 16 * MiB,
};

@Injectable()
export class GatewayService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly deviceServer = new Server(serverOptions);
  private readonly enrollmentServer = new Server({ 'grpc.max_receive_message_length': 256 * 1024 });
  private readonly watches: WatchStreams;
  private readonly sent: SentBytes;

  constructor(
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(BLOBS) private readonly blobs: BlobStore,
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(DirectorService) private readonly director: DirectorService,
    @Inject(ReportService) private readonly reports: ReportService,
    @Inject(TelemetryService) private readonly telemetry: TelemetryService,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(Refusals) private readonly refusals: Refusals,
    @Inject(Packings) private readonly packings: Packings,
  ) {
    this.sent = new SentBytes(database.pool, log);
    this.watches = new WatchStreams(database, bus, log, { reportIntervalSeconds: config.reportIntervalSeconds });
  }

  async onApplicationBootstrap(): Promise<void> {
    const { authority, audit, bus, database, config, watches } = this;
    const answer = new Answer(this.log);
    const deviceEndpoint = `${config.publicHost}:${config.grpc.port}`;
    const enrollmentEndpoint = `${config.publicHost}:${config.grpc.enrollPort}`;
    const { blobs, director, packings, refusals, reports, sent, streams, telemetry } = this;
    const downloads = { blobs, packings, sent };
    const services = { database, downloads, authority, director, reports, telemetry };
    const device = { ...services, watches, streams, refusals, answer, enrollmentEndpoint };
    this.deviceServer.addService(deviceService, { ...deviceHandlers(device) });
    const graceDays = config.certificateGraceDays;
    const parts = { database, authority, audit, bus, answer, graceDays, refusals };
    const enrollment = { ...parts, deviceEndpoint, enrollmentEndpoint };
    this.enrollmentServer.addService(enrollmentService, { ...enrollmentHandlers(enrollment) });
    const { certificatePem, privateKeyPem } = authority.server;
    const identity = [{ cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(privateKeyPem) }];
    const mutual = ServerCredentials.createSsl(Buffer.from(authority.authorityPem), identity, true);
    watches.start();
    await bind(this.deviceServer, `${config.grpc.host}:${config.grpc.port}`, mutual);
    const oneSided = ServerCredentials.createSsl(null, identity, false);
    await bind(this.enrollmentServer, `${config.grpc.host}:${config.grpc.enrollPort}`, oneSided);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.watches.stop();
    await Promise.all([shutdown(this.enrollmentServer), shutdown(this.deviceServer)]);
    await this.sent.settled();
  }
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

/** Lets calls that are under way end, within limits. */
function shutdown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
