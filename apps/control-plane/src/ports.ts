import { createServer, type AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { KeptPorts } from './kept-ports.js';
import { ControlPlaneError } from './errors.js';

/** Whether this process can listen there now. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** A port that nobody listens on at the moment. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

export interface PortWish {
  /** The variable that asks for it. */
  name: string;
  host: string;
  /** 0: any. */
  port: number;
  strict: boolean;
}

/**
 * The wanted port; where it is taken, the one that was used in its place the last time, or a free one. Agents and command lines
 * were given that one: it is kept.
 * @param kept where the data folder remembers it
 * @throws ControlPlaneError PORT_TAKEN when another one is not allowed
 */
export async function choosePort(wish: PortWish, kept: KeptPorts, log: Logger): Promise<number> {
  if (wish.port === 0) return await freePort(wish.host);
  const before = wish.strict ? undefined : kept.get(wish);
  if (before !== undefined && (await isFree(before, wish.host))) return before;
  if (await isFree(wish.port, wish.host)) {
    if (before !== undefined) {
      log.warn({ before, port: wish.port }, `${wish.name}: what was told the port before must be told the new one`);
      await kept.set(wish, undefined);
    }
    return wish.port;
  }
  if (wish.strict) throw new ControlPlaneError('PORT_TAKEN', `${wish.name}: port ${wish.port} is taken`);
  const port = await freePort(wish.host);
  log.warn({ wanted: wish.port, port }, `${wish.name}: the port is taken, using another, and again from now on`);
  await kept.set(wish, port);
  return port;
}
