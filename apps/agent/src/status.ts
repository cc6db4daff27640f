/** `verge-agent status`: from the running agent over its socket, or from what is on disk when none runs. */
import { request } from 'node:http';
import { z } from 'zod';
import { readIfPresent } from './atomic-file.js';
import { askGuard } from './guard.js';
import type { Problem } from './health.js';
import { readIdentity } from './identity.js';
import type { Layout } from './layout.js';
import { isAlive, readHolder } from './lock.js';
import { activeDigest, loadState } from './update/state.js';

export interface StatusView {
  running: boolean;
  enrolled: boolean;
  [key: string]: unknown;
}

export async function readStatus(layout: Layout): Promise<StatusView> {
  const { value: identity, problem } = await readIdentity(layout.identity);
  const live = await askLive(layout);
  const enrolled = identity !== null;
  if (live) return { running: true, enrolled, dir: layout.dir, ...live };
  const holder = await readHolder(layout.lock);
  const running =
    (await readIfPresent(layout.running).catch(() => null)) !== null && holder !== null && isAlive(holder);
  if (!identity) return { running, enrolled, dir: layout.dir, ...(problem !== null && { problem }) };
  const state = await loadState(layout.state);
  const { deviceId, name, deviceClass } = identity;
  const damage = [problem, state.problem].filter((one) => one !== null).join('; ');
  return {
    running,
    enrolled,
    dir: layout.dir,
    deviceId,
    name,
    deviceClass,
    ...(damage !== '' && { problem: damage }),
    activeDigest: state.value && activeDigest(state.value),
    update: state.value?.update ?? null,
    desired: state.value?.desired ?? null,
  };
}

const Told = z.looseObject({ socketPath: z.string() });

/** From the agent that runs, over its socket or one that it tells of; null when none answers. */
async function askLive(layout: Layout): Promise<Record<string, unknown> | null> {
  const told = Told.safeParse(await askGuard(layout.dir));
  const paths = new Set([...(told.success ? [told.data.socketPath] : []), layout.socket, layout.temporarySocket]);
  for (const path of paths) {
    const answer = await askAgent(path).catch(() => null);
    if (answer) return answer;
  }
  return null;
}

function askAgent(socketPath: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/v2/verge/status', timeout: 5000 }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(parts).toString('utf8')) as Record<string, unknown>);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end();
  });
}

/** For people: one line a fact. */
export function statusLines(view: StatusView): string[] {
  const { serving, update, spool, requests, degraded, ...rest } = view as StatusView &
    Record<'serving' | 'update' | 'spool' | 'requests' | 'degraded', unknown>;
  const facts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) if (typeof value !== 'object' || value === null) facts[key] = value;
  if (Array.isArray(degraded) && degraded.length > 0) {
    facts['degraded'] = (degraded as Problem[]).map(({ part, message }) => `${part}: ${message}`).join('; ');
  }
  const nested: Record<string, unknown> = { serving, requests, spool, update };
  for (const [key, value] of Object.entries(nested)) {
    if (value === undefined) continue;
    if (typeof value !== 'object' || value === null) facts[key] = value;
    else {
      const parts = Object.entries(value).filter(([, v]) => v !== null && v !== undefined);
      facts[key] = parts.map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`).join(' ');
    }
  }
  const width = Math.max(...Object.keys(facts).map((key) => key.length));
  return Object.entries(facts).map(([key, value]) => `${key.padEnd(width)}  ${String(value ?? 'none')}`);
}
