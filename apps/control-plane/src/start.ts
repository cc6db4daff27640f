import 'reflect-metadata';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openBlobStore } from '@verge/blobs';
import type { Logger } from 'pino';
import { ensureFirstAdministrator } from './access/first-administrator.js';
import { AppModule } from './app.module.js';
import type { ControlPlaneConfig } from './config.js';
import { removeControlPlaneFile, writeControlPlaneFile } from './control-plane-file.js';
import type { Core } from './core.js';
import { DatabaseService } from './database/database.service.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { applyMigrations } from './database/migrations.js';
import { waitForDatabase } from './database/reachable.js';
import { EventBus } from './events/event-bus.js';
import { compressed } from './http/compression.js';
import { allowedMethods } from './http/methods.js';
import { createLogger, NestLogger } from './log.js';
import { sourceOf } from './site/source.js';
import { KeptPorts } from './kept-ports.js';
import { choosePort } from './ports.js';
import { consoleFiles } from './site/console-files.js';
import { securityHeaders } from './site/security-headers.js';

export interface ControlPlane {
  readonly httpUrl: string;
  readonly grpcPort: number;
  readonly enrollPort: number;
  readonly databaseUrl: string;
  /** Finishes what is under way, then stops what was started, the database last. */
  close(): Promise<void>;
}

/** What must be undone, in reverse order. */
type Undo = [what: string, undo: () => Promise<void>][];

/**
 * Starts a control plane in this process.
 * @throws ControlPlaneError; whatever had been started by then is stopped
 */
export async function startControlPlane(config: ControlPlaneConfig, log?: Logger): Promise<ControlPlane> {
  const logger = log ?? createLogger(config.logLevel);
  const undo: Undo = [];
  try {
    return await start(config, logger, undo);
  } catch (error) {
    await unwind(undo, logger);
    throw error;
  }
}

async function start(asked: ControlPlaneConfig, log: Logger, undo: Undo): Promise<ControlPlane> {
  await mkdir(asked.dataDir, { recursive: true, mode: 0o700 });
  const config = await withFreePorts(asked, log);
  const databaseUrl = await openDatabase(config, log, undo);
  await waitForDatabase(databaseUrl, config.startupWaitMs, log);
  const applied = await applyMigrations(databaseUrl);
  if (applied.length > 0) log.info({ applied }, 'database migrated');
  const core = await openCore(config, databaseUrl, log, undo);
  await announceAdministrator(core);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(core), {
    logger: new NestLogger(log),
    bodyParser: false,
    abortOnError: false,
    // Event streams never end by themselves.
    forceCloseConnections: true,
  });
  undo.push(['application', () => app.close()]);
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(securityHeaders);
  app.use(sourceOf(config.trustedProxies));
  app.use(compressed);
  app.use(allowedMethods);
  app.use(consoleFiles(config.consoleDir));
  await app.listen(config.http.port, config.http.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const httpUrl = `http://${config.publicHost}:${port}`;
  // In the very turn in which it began to listen: whoever hears that it is ready finds this file, not that of a run before.
  writeControlPlaneFile(config.dataDir, {
    pid: process.pid,
    httpUrl,
    grpcEndpoint: `${config.publicHost}:${config.grpc.port}`,
    enrollEndpoint: `${config.publicHost}:${config.grpc.enrollPort}`,
    databaseUrl,
    redisUrl: config.redisUrl ?? null,
    blobDir: config.blobs.BLOBS_DIR ?? null,
    s3: config.blobs.BLOBS_DIR
      ? null
      : { endpoint: config.blobs.S3_ENDPOINT ?? null, bucket: config.blobs.S3_BUCKET ?? null },
  });
  undo.push(['control-plane.json', () => removeControlPlaneFile(config.dataDir)]);
  log.info({ url: httpUrl, grpcPort: config.grpc.port, enrollPort: config.grpc.enrollPort }, 'control plane is up');
  let closing: Promise<void> | undefined;
  return {
    httpUrl,
    grpcPort: config.grpc.port,
    enrollPort: config.grpc.enrollPort,
    databaseUrl,
    close: () => (closing ??= unwind(undo, log)),
  };
}

async function withFreePorts(config: ControlPlaneConfig, log: Logger): Promise<ControlPlaneConfig> {
  const { http, grpc, strictPorts } = config;
  const kept = await KeptPorts.in(config.dataDir);
  const port = await choosePort(
    { name: 'VERGE_HTTP_PORT', host: http.host, port: http.port, strict: strictPorts },
    kept,
    log,
  );
  const of = async (name: string, wanted: number): Promise<number> =>
    await choosePort({ name, host: grpc.host, port: wanted, strict: strictPorts }, kept, log);
  const grpcPort = await of('VERGE_GRPC_PORT', grpc.port);
  const enrollPort = await of('VERGE_ENROLL_PORT', grpc.enrollPort);
  return { ...config, http: { ...http, port }, grpc: { ...grpc, port: grpcPort, enrollPort } };
}

async function openDatabase(config: ControlPlaneConfig, log: Logger, undo: Undo): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  const postgres = await startEmbeddedPostgres(config.dataDir, log);
  undo.push(['database', () => postgres.stop()]);
  log.info({ pid: postgres.pid }, 'embedded Postgres is up');
  return postgres.url;
}

async function openCore(config: ControlPlaneConfig, url: string, log: Logger, undo: Undo): Promise<Core> {
  const database = new DatabaseService(url);
  undo.push(['database client', () => database.close()]);
  await database.$connect();
  const blobs = await openBlobStore(config.blobs);
  const bus = new EventBus(database, log);
  undo.push(['event bus', () => bus.close()]);
  await bus.start();
  return { config, database, blobs, bus, log };
}

async function announceAdministrator({ config, database, log }: Core): Promise<void> {
  const made = await ensureFirstAdministrator(database, config.dataDir, config.admin);
  if (!made) return;
  log.info({ email: made.email }, 'first administrator created');
  if (made.generatedPassword !== null) {
    // Printed once, past the log, which may be kept and shipped.
    process.stdout.write(
      `\n  Log in as ${made.email} with the password ${made.generatedPassword}\n  (also in ${made.file})\n\n`,
    );
  }
}

async function unwind(undo: Undo, log: Logger): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) {
    const [what, stop] = step;
    await stop().catch((err: unknown) => log.error({ err, what }, 'could not be stopped cleanly'));
  }
}
