/** Real processes for whole-system tests: a control plane on a database of its own, workers, agents, and the commands. */
import { createServer, type AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@verge/contracts';
import { commands, type Commands } from '../../apps/quickstart/src/cli.js';
import { Processes, tail, until, type Started } from '../../apps/quickstart/src/processes.js';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const digits = join(root, 'datasets/digits');

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class System {
  readonly processes: Processes;
  readonly commands: Commands;
  client: Client = createClient({ baseUrl: '' });
  url = '';
  /** The administrator's session. */
  token = '';
  #controlPlane: Started | undefined;

  private constructor(
    readonly home: string,
    readonly project: string,
    private readonly env: Record<string, string>,
  ) {
    this.processes = new Processes(root, join(home, 'logs'), () => undefined);
    this.commands = commands(root, { VERGE_CONFIG_DIR: join(home, 'cli') });
  }

  /** A control plane on embedded defaults and fixed ports, one project, and the given number of workers. */
  static async start(options: { workers: number; env?: Record<string, string> }): Promise<System> {
    for (const app of ['control-plane', 'worker', 'agent', 'cli']) {
      if (!existsSync(join(root, 'apps', app, 'dist/main.js')))
        throw new Error(`apps/${app} is not built: run \`npm run build\` first`);
    }
    const home = await mkdtemp(join(tmpdir(), 'verge-system-'));
    const ports = {
      VERGE_HTTP_PORT: await freePort(),
      VERGE_GRPC_PORT: await freePort(),
      VERGE_ENROLL_PORT: await freePort(),
    };
    const system = new System(home, 'loop', {
      ...Object.fromEntries(Object.entries(ports).map(([k, v]) => [k, String(v)])),
      VERGE_STRICT_PORTS: 'true',
      VERGE_DATA_DIR: join(home, 'data'),
      VERGE_ADMIN_EMAIL: 'admin@example.org',
      VERGE_ADMIN_PASSWORD: 'a long enough password',
      VERGE_REPORT_INTERVAL_SECONDS: '1',
      DATABASE_URL: '',
      REDIS_URL: '',
      S3_ENDPOINT: '',
      ...options.env,
    });
    try {
      await system.startControlPlane();
      for (let i = 1; i <= options.workers; i++) await system.startWorker(`worker-${i}`);
      await system.#logIn();
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  async #logIn(): Promise<void> {
    const { VERGE_ADMIN_EMAIL: email = '', VERGE_ADMIN_PASSWORD: password = '' } = this.env;
    const session = await createClient({ baseUrl: this.url }).call('auth.login', { body: { email, password } });
    this.token = session.token;
    this.client = createClient({ baseUrl: this.url, token: session.token });
    await this.commands.verge(['login', '--url', this.url, '--email', email, '--password-stdin'], { input: password });
    await this.commands.verge(['projects', 'create', this.project]);
    await this.commands.verge(['use', this.project]);
  }

  async startControlPlane(): Promise<void> {
    const started = await this.processes.start(
      'control-plane',
      'apps/control-plane/bin/verge-control-plane.mjs',
      [],
      this.env,
    );
    this.#controlPlane = started;
    const url = `http://127.0.0.1:${this.env['VERGE_HTTP_PORT']}`;
    await until('the control plane to be ready', 90, async () => {
      if (started.child.exitCode !== null) throw new Error(`the control plane ended:\n${await tail(started.log)}`);
      const ready = await fetch(`${url}/readyz`).catch(() => undefined);
      return ready?.ok ? true : undefined;
    });
    this.url = url;
  }

  /** kill -9, as a power cut would. */
  killControlPlane(): Promise<void> {
    return ended(this.#controlPlane, 'SIGKILL');
  }

  /** In the orderly way, its database too. */
  stopControlPlane(): Promise<void> {
    return ended(this.#controlPlane, 'SIGTERM');
  }

  startWorker(name: string): Promise<Started> {
    return this.processes.start(name, 'apps/worker/bin/verge-worker.mjs', [], this.env);
  }

  /** Enrols an agent with the root of the release keys and runs it. */
  async startAgent(
    name: string,
    options: { deviceClass: string; group: string; keys: string },
  ): Promise<{ dir: string; id: string; url: string; started: Started }> {
    const dir = join(this.home, 'agents', name);
    await mkdir(dir, { recursive: true });
    const bundle = join(this.home, `${name}.enrollment.json`);
    await this.commands.verge([
      'devices',
      'enroll-token',
      '--class',
      options.deviceClass,
      '--group',
      options.group,
      '--keys',
      options.keys,
      '--out',
      bundle,
    ]);
    await this.commands.agent(['enroll', '--bundle', bundle, '--name', name, '--dir', dir]);
    const started = await this.processes.start(name, 'apps/agent/bin/verge-agent.mjs', [
      'run',
      '--dir',
      dir,
      '--port',
      '0',
    ]);
    const running = await until(`${name} to listen`, 30, async () => {
      const text = await readFile(join(dir, 'agent.json'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as { httpUrl: string; deviceId: string });
    });
    return { dir, id: running.deviceId, url: running.httpUrl, started };
  }

  async stop(): Promise<void> {
    await this.processes.stop();
    await rm(this.home, { recursive: true, force: true });
  }
}

export async function ended(process: Started | undefined, signal: NodeJS.Signals): Promise<void> {
  const child = process?.child;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
