/** `verge-agent status`: from the running agent over its socket, or from what is on disk when none runs. */
import { request } from 'node:http';
import { readIfPresent } from './atomic-file.js';
import { findIdentity } from './identity.js';
import type { Layout } from './layout.js';
import { isAlive, readHolder } from './lock.js';
import { activeDigest, loadState } from './update/state.js';

export interface StatusView {
  running: boolean;
  enrolled: boolean;
  [key: string]: unknown;
}

export async function readStatus(layout: Layout): Promise<StatusView> {
  const identity = await findIdentity(layout.identity);
  if (!identity) return { running: false, enrolled: false, dir: layout.dir };
  const holder = await readHolder(layout.lock);
  const running = (await readIfPresent(layout.running)) !== null && holder !== null && isAlive(holder);
  const live = running ? await askAgent(layout.socket).catch(() => null) : null;
  if (live) return { running: true, enrolled: true, dir: layout.dir, ...live };
  const state = await loadState(layout.state);
  return {
    running,
    enrolled: true,
    dir: layout.dir,
    deviceId: identity.deviceId,
    name: identity.name,
    deviceClass: identity.deviceClass,
    activeDigest: activeDigest(state),
    update: state.update,
    desired: state.desired,
  };
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
  const { serving, update, spool, requests, ...rest } = view as StatusView &
    Record<'serving' | 'update' | 'spool' | 'requests', unknown>;
  const facts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) if (typeof value !== 'object' || value === null) facts[key] = value;
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
