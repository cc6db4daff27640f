import { MetadataName } from '@verge/contracts';
import type { DeviceHandlers, MetadataRequestReceived } from '@verge/contracts/grpc';
import type { OpenStreams } from '../access/open-streams.js';
import type { Refusals } from '../audit/refusals.js';
import type { DatabaseService } from '../database/database.service.js';
import type { ReportService } from '../devices/report.service.js';
import type { DirectorService } from '../director/director.service.js';
import { certify, csrPemOf } from '../enrollment/enroll.js';
import type { AuthorityService } from '../authority/authority.service.js';
import type { TelemetryService } from '../telemetry/telemetry.service.js';
import type { Answer } from './answer.js';
import type { CallingDevice } from './authenticate.js';
import { authenticateDevice } from './authenticate.js';
import { BlobAccess } from './blob-access.js';
import { checkDownload, sendBlob, type DownloadContext } from './download.js';
import { auditRefusal, type DeviceCall } from './refused.js';
import { GatewayError, invalidArgument } from './status.js';
import { whileTrusted } from './trusted-stream.js';
import type { WatchStreams } from './watch-streams.js';

export interface DeviceContext {
  readonly database: DatabaseService;
  readonly downloads: DownloadContext;
  readonly authority: AuthorityService;
  readonly director: DirectorService;
  readonly reports: ReportService;
  readonly telemetry: TelemetryService;
  readonly watches: WatchStreams;
  readonly streams: OpenStreams;
  readonly refusals: Refusals;
  readonly answer: Answer;
  /** host:port of the Enrollment service. */
  readonly enrollmentEndpoint: string;
}

/** Every call begins with who makes it, as the database knows the device now. */
export function deviceHandlers(context: DeviceContext): DeviceHandlers {
  const { answer, database, downloads, refusals, reports, streams, telemetry, watches } = context;
  const access = new BlobAccess(database.pool);
  const caller = (call: DeviceCall): Promise<CallingDevice> =>
    auditRefusal(refusals, call, authenticateDevice(database.pool, call));
  return {
    Renew: answer.unary(async (call) => ({
      certificateChainPem: await renew(context, await caller(call), call.request.csrDer),
      enrollmentEndpoint: context.enrollmentEndpoint,
    })),
    Watch: answer.stream(async (call) => {
      const device = await caller(call);
      await whileTrusted(streams, device, call, () => watches.serve(device, call));
    }),
    Report: answer.unary(async (call) => {
      await reports.receive(await caller(call), call.request);
      return {};
    }),
    GetMetadata: answer.unary(async (call) => ({
      content: Buffer.from(await metadata(context, await caller(call), call.request)),
    })),
    Download: answer.stream(async (call) => {
      const device = await caller(call);
      checkDownload(call.request);
      // The same words as for a blob that is not there: what other projects have is nobody's business.
      if (!(await access.mayRead(device.projectId, call.request.digest))) {
        throw new GatewayError('NOT_FOUND', `there is no blob ${call.request.digest}`);
      }
      await whileTrusted(streams, device, call, (cut) => sendBlob(downloads, device, call, cut));
    }),
    PushTelemetry: answer.unary(async (call) => telemetry.receive(await caller(call), call.request)),
  };
}

async function renew(context: DeviceContext, device: CallingDevice, csrDer: Uint8Array): Promise<string> {
  if (csrDer.length < 1 || csrDer.length > 16_384) {
    throw invalidArgument([{ field: 'csr_der', detail: 'expected a PKCS #10 request of at most 16384 bytes' }]);
  }
  const { deviceId } = device;
  return context.database.$transaction(
    async (db) => {
      const certificate = await certify(context, db, csrPemOf(csrDer), device);
      const event = { deviceId, kind: 'certificate.renewed', message: 'renewed its certificate' };
      await db.deviceEvent.create({ data: event });
      return certificate;
    },
    { maxWait: 30_000, timeout: 30_000 },
  );
}

async function metadata(
  { database, director }: DeviceContext,
  { deviceId, projectId }: CallingDevice,
  { repository, name }: MetadataRequestReceived,
): Promise<Uint8Array> {
  const parsed = MetadataName.safeParse(name);
  if (!parsed.success) throw invalidArgument([{ field: 'name', detail: 'expected a TUF metadata file name' }]);
  const content = repository === 'DIRECTOR' ? await director.file(deviceId, name) : await released();
  if (content === null) throw new GatewayError('NOT_FOUND', `the repository has no ${name}`);
  return content;

  async function released(): Promise<Uint8Array | null> {
    const { rows } = await database.pool.query<{ content: Buffer }>(
      'SELECT content FROM release_metadata WHERE project_id = $1 AND name = $2',
      [projectId, name],
    );
    return rows[0]?.content ?? null;
  }
}
