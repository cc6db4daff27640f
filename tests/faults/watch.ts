/** Looks all the time, as users and monitors do: what is answered, how long it took, how many connections are open. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { System } from '../loop/harness.js';
import type { OwnPostgres } from './services.js';

const LOOK_MS = 150;

export class Watch {
  /** How often each status was answered. */
  readonly statuses = new Map<number, number>();
  /** Answers that break a promise. */
  readonly wrong: string[] = [];
  slowestMs = 0;
  /** Most connections that were open at once, by the name that they give themselves. */
  readonly connections = new Map<string, number>();
  private readonly ending = new AbortController();
  private readonly looking: Promise<unknown>;

  constructor(
    private readonly system: System,
    private readonly postgres: OwnPostgres,
  ) {
    this.looking = Promise.all([this.repeat(() => this.ask()), this.repeat(() => this.count())]);
  }

  async end(): Promise<void> {
    this.ending.abort();
    await this.looking;
  }

  private async repeat(look: () => Promise<void>): Promise<void> {
    while (!this.ending.signal.aborted) {
      await look();
      await sleep(LOOK_MS);
    }
  }

  private async ask(): Promise<void> {
    const { url, token, project } = this.system;
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['/readyz', `/api/v1/projects/${project}/trainings`]) {
      const began = performance.now();
      const response = await fetch(url + path, { headers });
      const body = await response.text();
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
      this.statuses.set(response.status, (this.statuses.get(response.status) ?? 0) + 1);
      if (response.status === 200) continue;
      const promised =
        path === '/readyz' ||
        (response.headers.get('content-type') === 'application/problem+json' && response.headers.has('retry-after'));
      if (response.status !== 503 || !promised) this.wrong.push(`${response.status} ${path} ${body}`);
    }
  }

  private async count(): Promise<void> {
    const sql = `SELECT application_name AS name, count(*)::int AS open FROM pg_stat_activity
      WHERE backend_type = 'client backend' GROUP BY 1`;
    // While it is away there is nothing to count.
    const rows = await this.postgres.query<{ name: string; open: number }>(sql).catch(() => []);
    for (const { name, open } of rows) this.connections.set(name, Math.max(open, this.connections.get(name) ?? 0));
  }
}
