import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptPorts } from './kept-ports.js';
import { choosePort, freePort } from './ports.js';

const host = '127.0.0.1';

describe('a port that is taken', () => {
  let dataDir: string;
  let wanted: number;
  const said: string[] = [];
  const servers: Server[] = [];
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'verge-ports-'));
    wanted = await freePort();
    said.length = 0;
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });
  const choose = async (change: { port?: number; strict?: boolean } = {}): Promise<number> => {
    const wish = { name: 'VERGE_GRPC_PORT', host, port: wanted, strict: false, ...change };
    return await choosePort(wish, await KeptPorts.in(dataDir), log);
  };
  const take = async (port: number): Promise<Server> => {
    const server = createServer().listen(port, host);
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    return server;
  };

  it('is replaced by another, which is kept when the wanted one is free again', async () => {
    expect(await choose()).toBe(wanted);
    expect(await readdir(dataDir)).toEqual([]);
    const squatter = await take(wanted);
    const other = await choose();
    expect(other).not.toBe(wanted);
    expect(said.join()).toContain('again from now on');
    await new Promise((resolve) => squatter.close(resolve));
    expect(await choose()).toBe(other);
    // Somebody has taken that one too: back to the wanted one, and it is said.
    await take(other);
    expect(await choose()).toBe(wanted);
    expect(said.join()).toContain('must be told the new one');
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('is refused where no other is allowed, and another wish is another wish', async () => {
    await take(wanted);
    const other = await choose();
    await expect(choose({ strict: true })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    const next = await freePort();
    expect(await choose({ port: next })).toBe(next);
    expect(await choose()).toBe(other);
  });

  it('is chosen anew where what was kept cannot be read', async () => {
    await writeFile(join(dataDir, 'ports.json'), '{"VERGE_GRPC_PORT": {"wanted": "x"');
    expect(await choose()).toBe(wanted);
  });
});
