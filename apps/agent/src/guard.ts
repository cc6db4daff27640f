/**
 * Keeps a second agent away from a directory without writing to the disk, which may be full or read-only: a socket in
 * Linux's abstract namespace (unix(7)), named by the directory's device and inode. The kernel frees it with the process.
 * Who connects is told what runs, so that `verge-agent status` works where agent.json could not be written.
 */
import { stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { AgentError, systemCode } from './errors.js';

async function nameOf(dir: string): Promise<string> {
  const { dev, ino } = await stat(dir, { bigint: true });
  return `\0verge-agent-${dev}-${ino}`;
}

export class Guard {
  private constructor(private readonly server: Server | null) {}

  /**
   * @param tell what runs, once it does
   * @throws AgentError `ALREADY_RUNNING`
   */
  static async take(dir: string, tell: () => unknown): Promise<Guard> {
    // Other systems have no such namespace; there the lock file alone counts.
    if (process.platform !== 'linux') return new Guard(null);
    const path = await nameOf(dir);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(JSON.stringify(tell() ?? null));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const taken = systemCode(error) === 'EADDRINUSE';
        reject(taken ? new AgentError('ALREADY_RUNNING', `an agent runs in ${dir} already`, { cause: error }) : error);
      });
      server.listen({ path }, resolve);
    });
    server.unref();
    return new Guard(server);
  }

  async release(): Promise<void> {
    const { server } = this;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** What the agent that runs in a directory tells, or null when none answers. */
export async function askGuard(dir: string): Promise<unknown> {
  if (process.platform !== 'linux') return null;
  const path = await nameOf(dir).catch(() => null);
  if (path === null) return null;
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ path });
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      try {
        resolve(JSON.parse(Buffer.concat(parts).toString('utf8')));
      } catch {
        resolve(null);
      }
    });
  });
}
