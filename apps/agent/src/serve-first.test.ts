/**
 * Whatever is wrong with the agent's directory, what is installed answers: every file x every damage x at the start and
 * while it runs, and a disk that is full or read-only. A part of it always, all of it with VERGE_TEST_FULL.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AgentProcess, until } from '../tests/agent-process.js';
import { buildArtifact } from '../tests/artifacts.js';
import { Gateway } from '../tests/gateway.js';

const full = process.env['VERGE_TEST_FULL'] !== undefined;
// All of it starts a process for each file and damage.
if (full) vi.setConfig({ testTimeout: 1_200_000 });
const pixels = [0.5, 0.25, 0, 0.25];
const offline = { VERGE_AGENT_PROBATION_SECONDS: '0' };
/** What can happen to a file. A file that root may not read is not to be had; one that nobody can open is a loop of links. */
const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
  missing: (path) => rm(path, { force: true }),
  empty: (path) => truncate(path, 0).catch(() => undefined),
  truncated: async (path) => {
    const { length } = await readFile(path).catch(() => Buffer.alloc(0));
    await truncate(path, Math.floor(length / 2)).catch(() => undefined);
  },
  'one bit flipped': async (path) => {
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (bytes.length === 0) return;
    bytes[Math.floor(bytes.length / 2)]! ^= 4;
    // In its place, so that a file with two names is damaged under both.
    await writeFile(path, bytes);
  },
  'a folder in its place': (path) => inItsPlace(path, () => mkdir(path)),
  unreadable: (path) => inItsPlace(path, () => symlink(path, path)),
};

/** Removes what is at `path` and makes something else there, again where the running agent wrote the file in between. */
async function inItsPlace(path: string, make: () => Promise<unknown>): Promise<void> {
  for (;;) {
    await rm(path, { force: true, recursive: true });
    try {
      await make();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

let template: string;
let gateway: Gateway;
let files: string[];
const cleanups: (() => unknown)[] = [];

/** A directory with version 1 and version 2 installed, version 2 serving, telemetry waiting, killed and offline. */
beforeAll(async () => {
  gateway = await Gateway.start();
  const agent = await AgentProcess.enrolled(gateway);
  template = agent.dir;
  await agent.start(offline);
  for (const version of [1, 2]) {
    const built = buildArtifact({ version });
    gateway.publish(built);
    gateway.desire(built);
    await agent.serves(version);
    await until('idle', async () => (await agent.state())?.update.state === 'idle');
  }
  gateway.down();
  await agent.infer(pixels);
  await until('a record in the spool', async () => ((await agent.status())?.spool.records ?? 0) > 0);
  await agent.infer(pixels);
  await until('the journal', async () => (await list(template)).includes('spool/open-window.bin'));
  await agent.kill();
  files = await list(template);
});
afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function list(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort();
}

/** A copy of the directory; files with two names (slot and store) stay one file. */
async function copy(): Promise<AgentProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'verge-serve-first-'));
  spawnSync('cp', ['-a', `${template}/.`, dir]);
  const agent = AgentProcess.at(dir);
  cleanups.push(() => agent.remove());
  return agent;
}

/** The version that answers, within the ten seconds in which it must. */
async function answers(agent: AgentProcess): Promise<string> {
  return until(
    'an answer',
    () =>
      agent.infer(pixels).then(
        ({ version }) => version,
        () => null,
      ),
    10_000,
  );
}

/** Version 2, or version 1 where what was damaged is of version 2's slot (the store's files are the slots'). */
const expected = (file: string): RegExp => (/^(slots\/b|store)\//.test(file) ? /^[12]$/ : /^2$/);

describe('a damaged file at the start', () => {
  const always = ['truncated'];
  it.each(full ? Object.keys(damages) : always)('%s: the last good model answers', async (damage) => {
    const chosen = full ? files : ['state.json'];
    for (const file of chosen) {
      const agent = await copy();
      await damages[damage]!(join(agent.dir, file));
      await agent.start(offline);
      expect(await answers(agent), `${file} ${damage}`).toMatch(expected(file));
      await agent.remove();
    }
  });

  it('all that is not a slot is garbage: the model that served last answers, and the rest is mended', async () => {
    const agent = await copy();
    const kinds = Object.values(damages).slice(1);
    const others = files.filter((file) => !/^(slots|store)\//.test(file));
    for (const [i, file] of others.entries()) await kinds[i % kinds.length]!(join(agent.dir, file));
    await agent.start(offline);
    expect(await answers(agent)).toBe('2');
    const status = await until('the state to be mended', async () => {
      const state = await agent.state().catch(() => null);
      return state?.active === 'b' ? agent.status() : null;
    });
    expect(status.serving?.version).toBe(2);
    expect(status.degraded.map(({ part }) => part)).toEqual(['identity']);
    const shown = await agent.command(['status', '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({ running: true, enrolled: false, serving: { version: 2 } });
  });

  it('the state and the newer model are damaged: the older one answers', async () => {
    const agent = await copy();
    for (const file of ['state.json', 'state.json.previous']) await writeFile(join(agent.dir, file), '{ "version":');
    await damages['one bit flipped']!(join(agent.dir, 'slots/b/model.onnx'));
    await agent.start(offline);
    expect(await answers(agent)).toBe('1');
  });
});

describe('a file damaged while the agent runs', () => {
  it('stops no answer, neither now nor after a kill', async () => {
    for (const [damage, act] of Object.entries(damages).slice(full ? 0 : -1)) {
      let agent = await copy();
      await agent.start(offline);
      await answers(agent);
      for (const file of files) {
        await act(join(agent.dir, file));
        expect(await answers(agent), `${file} ${damage}`).toBe('2');
        if (!full) continue;
        await agent.kill();
        await agent.start(offline);
        expect(await answers(agent), `${file} ${damage}, then killed`).toMatch(expected(file));
        await agent.remove();
        agent = await copy();
        await agent.start(offline);
        await answers(agent);
      }
      await agent.remove();
    }
  });
});

describe('a disk that takes no writes', () => {
  /** The directory on a small disk of its own; null where this process may not mount one. */
  async function onSmallDisk(): Promise<AgentProcess | null> {
    const dir = await mkdtemp(join(tmpdir(), 'verge-small-disk-'));
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', dir]).status !== 0) {
      await rm(dir, { recursive: true });
      process.stderr.write('skipped, only root may mount a small disk: a full and a read-only disk at the start\n');
      return null;
    }
    spawnSync('cp', ['-a', `${template}/.`, dir]);
    const agent = AgentProcess.at(dir);
    cleanups.push(async () => {
      await agent.end();
      spawnSync('umount', [dir]);
      await rm(dir, { recursive: true, force: true });
    });
    return agent;
  }

  it('full at the start: answers, says so, and delivers once there is room', async () => {
    const agent = await onSmallDisk();
    if (!agent) return;
    const filler = join(agent.dir, 'filler');
    const file = await open(filler, 'w');
    await expect(file.writeFile(Buffer.alloc(2_000_000))).rejects.toThrow('ENOSPC');
    await file.close();
    await agent.start(offline);
    expect(await answers(agent)).toBe('2');
    const parts = async () => ((await agent.status())?.degraded ?? []).map(({ part }) => part);
    // A few bytes may be had again by then, so what was mended tells of it as well.
    const told = await agent.status();
    expect([...told!.degraded, ...told!.mended].length).toBeGreaterThan(0);
    const second = await agent.command(['run', '--port', '0']);
    expect(second.stderr).toContain('ALREADY_RUNNING');
    await rm(filler);
    await until('nothing degraded', async () => (await parts()).length === 0);
    await gateway.up();
    cleanups.push(() => gateway.down());
    await until('the whole count', () => gateway.counted.requests >= 3, 60_000);
    expect(gateway.counted).toEqual({ requests: 3, errors: 0 });
  });

  it('read-only at the start: answers, and is found by status', async () => {
    const agent = await onSmallDisk();
    if (!agent) return;
    spawnSync('mount', ['-o', 'remount,ro', agent.dir]);
    await agent.start(offline);
    expect(await answers(agent)).toBe('2');
    const shown = await agent.command(['status', '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({ running: true, serving: { version: 2 } });
    expect((await agent.command(['run', '--port', '0'])).stderr).toContain('ALREADY_RUNNING');
  });
});
