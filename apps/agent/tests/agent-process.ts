/** The built agent as a process of its own, as a device runs it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from '../src/agent.js';
import { readBundle } from '../src/enrollment/bundle.js';
import { enroll } from '../src/enrollment/enroll.js';
import { readFacts } from '../src/facts.js';
import { askGuard } from '../src/guard.js';
import { Layout } from '../src/layout.js';
import type { Gateway } from './gateway.js';

const bin = fileURLToPath(new URL('../bin/verge-agent.mjs', import.meta.url));
const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export function requireBuild(): void {
  if (existsSync(built)) return;
  throw new Error(`${built} is missing: run 'npx turbo run build --filter=@verge/agent...' first`);
}

/** Polls until the value is there. */
export async function until<T>(
  what: string,
  read: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  ms = 30_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await read();
    if (value !== null && value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export interface Status {
  running: boolean;
  connected: boolean;
  serving: { model: string; version: number; digest: string } | null;
  inferencePid: number | null;
  update: { state: string; error: { code: string; message: string } | null; generation: number };
  spool: { id: string; records: number; dropped: number };
  degraded: { part: string; message: string }[];
  mended: { part: string; message: string }[];
  httpUrl: string;
  socketPath: string;
}

export class AgentProcess {
  private child: ChildProcess | null = null;
  httpUrl = '';
  socketPath = '';
  /** Settles with how the process ended. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }> = Promise.resolve({ code: 0, signal: null });

  private constructor(readonly dir: string) {}

  /** A fresh directory, enrolled at the gateway. */
  static async enrolled(gateway: Gateway): Promise<AgentProcess> {
    requireBuild();
    const dir = await mkdtemp(join(tmpdir(), 'verge-agent-test-'));
    const agent = new AgentProcess(dir);
    // What the command does, without a process for it: enroll.test.ts starts that.
    const layout = new Layout(dir);
    await agent.withBundle(gateway.bundle, async (path) => {
      await enroll({ layout, source: await readBundle(path), facts: await readFacts() });
    });
    return agent;
  }

  /** In a directory that was enrolled before. */
  static at(dir: string): AgentProcess {
    requireBuild();
    return new AgentProcess(dir);
  }

  static async blank(): Promise<AgentProcess> {
    requireBuild();
    return new AgentProcess(await mkdtemp(join(tmpdir(), 'verge-agent-test-')));
  }

  enroll(gateway: Gateway, bundle: unknown = gateway.bundle, more: string[] = []) {
    return this.withBundle(bundle, (path) => this.command(['enroll', '--bundle', path, ...more]));
  }

  private async withBundle<T>(bundle: unknown, use: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.dir, '..', `bundle-${process.pid}-${Math.random()}.json`);
    await writeFile(path, JSON.stringify(bundle));
    try {
      return await use(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  /** One command to its end. */
  command(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [bin, ...args, '--dir', this.dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  }

  /** Starts it; returns as soon as the process is there. */
  spawn(environment: Record<string, string> = {}): void {
    const child = spawn(process.execPath, [bin, 'run', '--dir', this.dir, '--port', '0'], {
      stdio: ['ignore', 'ignore', process.env['VERGE_TEST_AGENT_LOG'] ? 'inherit' : 'ignore'],
      env: { ...process.env, VERGE_AGENT_RESERVE_BYTES: '0', VERGE_AGENT_JOURNAL_MS: '100', ...environment },
    });
    this.child = child;
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts it and waits until its API listens. */
  async start(environment: Record<string, string> = {}): Promise<void> {
    this.spawn(environment);
    const pid = this.child!.pid;
    const running = await until('the agent to listen', async () => {
      if (this.child!.exitCode !== null) throw new Error(`the agent ended with ${this.child!.exitCode}`);
      // A file of the run before stays where the disk takes no other.
      const told = [this.discovered(), (await askGuard(this.dir)) as Running | null];
      return told.find((running) => running?.pid === pid);
    });
    ({ httpUrl: this.httpUrl, socketPath: this.socketPath } = running);
  }

  /** What agent.json says, where the disk could take it. */
  private discovered(): Running | null {
    try {
      return JSON.parse(readFileSync(join(this.dir, 'agent.json'), 'utf8')) as Running;
    } catch {
      return null;
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child?.kill(signal);
    await this.exited;
  }

  /** Ends it if it runs. */
  async end(): Promise<void> {
    if (this.child && this.child.exitCode === null) this.child.kill('SIGKILL');
    await this.exited;
  }

  async remove(): Promise<void> {
    await this.end();
    await rm(this.dir, { recursive: true, force: true });
  }

  async status(): Promise<Status | null> {
    const answer = await fetch(`${this.httpUrl}/v2/verge/status`).catch(() => null);
    return answer?.ok ? ((await answer.json()) as Status) : null;
  }

  async state(): Promise<{ update: Status['update']; active: string | null } | null> {
    return JSON.parse(await readFile(join(this.dir, 'state.json'), 'utf8').catch(() => 'null'));
  }

  /** Waits until a version serves. */
  serves(version: number, ms = 30_000): Promise<Status> {
    return until(
      `version ${version} to serve`,
      async () => {
        const status = await this.status();
        return status?.serving?.version === version ? status : null;
      },
      ms,
    );
  }

  /** Scores of a sample of four pixels in [0, 1]. */
  async infer(pixels: readonly number[]): Promise<{ version: string; scores: number[] }> {
    const answer = await this.post('/v2/models/scans/infer', {
      inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: pixels }],
    });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    const body = answer.body as { model_version: string; outputs: { data: number[] }[] };
    return { version: body.model_version, scores: body.outputs[0]!.data };
  }

  async post(path: string, body: unknown): Promise<{ status: number; body: unknown; headers: Headers }> {
    const answer = await fetch(`${this.httpUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json(), headers: answer.headers };
  }

  /** Raw bytes over the Unix socket. */
  postSocket(
    path: string,
    body: Buffer,
    headers: Record<string, string>,
  ): Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socketPath, path, method: 'POST', headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
        );
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}

/** Whether a process runs that is not a zombie. */
export function runs(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0;
}
