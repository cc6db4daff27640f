import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKey, initRepository, updateTargets } from '../publish/index.js';
import type { MetadataFiles } from '../publish/index.js';
import { RepositoryClient } from './index.js';

const packageDir = fileURLToPath(new URL('../..', import.meta.url));
/** Compiled code has to lie under the package for its dependencies to be found. */
const compiled = join(packageDir, 'node_modules', '.cache', `killed-${process.pid}`);
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-killed-'));
  await mkdir(compiled, { recursive: true });
  const swc = join(dirname(createRequire(import.meta.url).resolve('@swc/cli/package.json')), 'bin', 'swc.js');
  const options = ['--config-file', join(packageDir, '../../.swcrc'), '--strip-leading-paths', '-d', compiled];
  await promisify(execFile)(process.execPath, [swc, 'src', ...options], { cwd: packageDir });
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

/** A device process that refreshes for ever and says each version that it believes. */
const program = (verify: string) => `
  import { readFile } from 'node:fs/promises';
  import { RepositoryClient } from ${JSON.stringify(verify)};
  const [dir, repository] = process.argv.slice(2);
  const fetch = (name) => readFile(repository + '/' + name).catch(() => null);
  const client = await RepositoryClient.open({ dir, trustedRoot: await fetch('1.root.json'), fetch });
  for (;;) console.log((await client.refresh()).timestamp);
`;

async function serve(repository: string, files: MetadataFiles): Promise<void> {
  for (const [name, bytes] of files) {
    await writeFile(join(dir, 'uploading'), bytes);
    await rename(join(dir, 'uploading'), join(repository, name));
  }
}

it('believes the old state or the new one, whenever it is killed', async () => {
  const [repository, trusted] = [join(dir, 'repository'), join(dir, 'trusted')];
  await mkdir(repository);
  const key = createKey();
  let files = initRepository({ keys: { root: [key], targets: [key], snapshot: [key], timestamp: [key] } });
  await serve(repository, files);
  const script = join(compiled, 'device.mjs');
  await writeFile(script, program(pathToFileURL(join(compiled, 'verify/index.js')).href));
  const open = () =>
    RepositoryClient.open({
      dir: trusted,
      trustedRoot: files.get('1.root.json')!,
      fetch: async (name) => files.get(name) ?? null,
    });

  let believed = 0;
  for (let round = 0; round < 6; round += 1) {
    const device = spawn(process.execPath, [script, trusted, repository], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = 0;
    device.stdout.on('data', (chunk: Buffer) => (said = Number(chunk.toString().trim().split('\n').at(-1))));
    await Promise.race([once(device.stdout, 'data'), once(device, 'exit')]);
    expect(device.exitCode).toBeNull();
    for (let release = 0; release < 4; release += 1) {
      const target = { path: `m/${round}/${release}`, length: round, sha256: 'cd'.repeat(32) };
      files = new Map([...files, ...updateTargets({ previous: files, keys: [key], add: [target] })]);
      await serve(repository, new Map([...files].filter(([name]) => name !== 'timestamp.json')));
      await serve(repository, new Map([['timestamp.json', files.get('timestamp.json')!]]));
    }
    // Somewhere within a refresh, a different place each round.
    await new Promise((resolve) => setTimeout(resolve, round * 3));
    const gone = once(device, 'exit');
    device.kill('SIGKILL');
    await gone;
    const { timestamp } = (await open()).versions();
    expect(timestamp).toBeGreaterThanOrEqual(Math.max(believed, said));
    believed = timestamp;
  }
  const last = await open();
  expect(await last.refresh()).toMatchObject({ timestamp: 25, targets: 25 });
  expect(await last.targets()).toHaveLength(24);
});
