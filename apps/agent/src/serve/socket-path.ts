/** Whether a Unix socket may be made at a path that a person named: what stands there is theirs. */
import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { AgentError, systemCode } from '../errors.js';

/** sun_path on macOS; Linux has four bytes more. */
const longest = 103;

/** A socket that nobody listens on is what a process left that was killed. @throws AgentError `LISTEN_FAILED` */
export async function requireFreeSocket(path: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new AgentError('LISTEN_FAILED', `cannot listen on ${path}: ${why}`);
  };
  const bytes = Buffer.byteLength(path);
  if (bytes > longest) refuse(`the path of a socket has at most ${longest} bytes, this one ${bytes}`);
  const found = await lstat(path).catch((error: unknown) =>
    systemCode(error) === 'ENOENT' ? null : refuse(String(error)),
  );
  if (!found) return;
  if (!found.isSocket()) refuse('something else than a socket is there');
  if (await answers(path)) refuse('something listens there already');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(true)).once('error', (error) => resolve(systemCode(error) !== 'ECONNREFUSED'));
    socket.once('connect', () => socket.destroy());
  });
}
