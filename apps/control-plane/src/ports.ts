import { createServer, type AddressInfo } from 'node:net';
import type { Logger } from 'pino';
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

interface PortWish {
  /** The variable that asks for it. */
  name: string;
  host: string;
  /** 0: any. */
  port: number;
  strict: boolean;
}

/** The wanted port, or a free one where it is taken. @throws ControlPlaneError PORT_TAKEN when that is not allowed */
export async function choosePort(wish: PortWish, log: Logger): Promise<number> {
  if (wish.port === 0) return await freePort(wish.host);
  if (await isFree(wish.port, wish.host)) return wish.port;
  if (wish.strict) throw new ControlPlaneError('PORT_TAKEN', `${wish.name}: port ${wish.port} is taken`);
  const port = await freePort(wish.host);
  log.warn({ wanted: wish.port, port }, `${wish.name}: the port is taken, using another`);
  return port;
}
