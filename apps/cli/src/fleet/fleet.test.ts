/** The fleet verbs against a control plane with a database of its own and a worker, each in its process. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient, type TrainingReport } from '@verge/contracts';
import { encodeModel } from '@verge/onnx';
import { digits, type Ended, verge, writeConfig } from '../test-command.js';
import { masked, writeMasked } from '../test-masked.js';
import { changeLabels } from './labels.js';

const apps = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);
const password = 'a password for tests';
const children: ChildProcess[] = [];
let folder: string;
let url: string;

function start(program: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [join(apps, program)], {
    env: { PATH: process.env['PATH'] ?? '', VERGE_DATA_DIR: join(folder, 'data'), VERGE_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  return child;
}

async function endpoint(): Promise<string> {
  for (let look = 0; look < 600; look++) {
    const text = await readFile(join(folder, 'data', 'control-plane.json'), 'utf8').catch(() => undefined);
    if (text) return (JSON.parse(text) as { httpUrl: string }).httpUrl;
    if (children.some((c) => c.exitCode !== null)) throw new Error('the control plane did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the control plane does not come up');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-fleet-'));
  process.env['VERGE_CONFIG_DIR'] = join(folder, 'config');
  process.env['VERGE_PASSWORD'] = password;
  start('control-plane/bin/verge-control-plane.mjs', {
    VERGE_HTTP_PORT: '0',
    VERGE_GRPC_PORT: '0',
    VERGE_ENROLL_PORT: '0',
    VERGE_ADMIN_EMAIL: 'admin@example.org',
    VERGE_ADMIN_PASSWORD: password,
  });
  url = await endpoint();
  start('worker/bin/verge-worker.mjs', {});
}, 120_000);

afterAll(async () => {
  for (const child of children.reverse()) {
    if (child.exitCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
  delete process.env['VERGE_CONFIG_DIR'];
  delete process.env['VERGE_PASSWORD'];
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Runs with --json; the command must succeed. */
async function answer<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const run = await verge(...argv, '--json');
  expect(run.code, run.stderr).toBe(0);
  return run.json<T>();
}

/** Runs with --json; the command must fail. */
async function refusal(...argv: string[]): Promise<{ exit: Ended['code']; error: Record<string, unknown> }> {
  const run = await verge(...argv, '--json');
  return { exit: run.code, error: run.json<{ error: Record<string, unknown> }>().error };
}

interface Tested {
  readonly test: { readonly accuracy: number };
}

interface Named {
  id: string;
  name: string;
}

describe('account', () => {
  it('says what is missing before it is logged in', async () => {
    expect(await refusal('whoami')).toMatchObject({ exit: 2, error: { message: 'no control plane is named' } });
    expect(await refusal('whoami', '--url', url)).toMatchObject({ exit: 3, error: { reason: 'UNAUTHENTICATED' } });
    process.env['VERGE_PASSWORD'] = 'wrong';
    expect((await refusal('login', '--url', url, '--email', 'admin@example.org')).exit).toBe(3);
    process.env['VERGE_PASSWORD'] = password;
  });

  it('logs in, and keeps what it got to itself', async () => {
    await answer('login', '--url', `${url}/`, '--email', 'admin@example.org');
    const file = join(folder, 'config', 'credentials.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ url });
    expect(await answer('whoami')).toMatchObject({ email: 'admin@example.org' });
  });

  it('makes a project and works in it', async () => {
    await answer('projects', 'create', 'vision', '--name', 'Vision');
    expect((await refusal('projects', 'create', 'Not A Slug')).exit).toBe(2);
    expect((await refusal('use', 'nowhere')).exit).toBe(4);
    await answer('use', 'vision');
    expect(await answer('whoami')).toMatchObject({ project: 'vision' });
    const projects = await answer<{ slug: string }[]>('projects', 'list');
    expect(projects.map((p) => p.slug)).toContain('vision');
  });

  it('calls with an API token, and no further than its role', async () => {
    const { token, id } = await answer<{ token: string; id: string }>('tokens', 'create', 'ci', '--role', 'viewer');
    expect(await answer('datasets', 'list', '--token', token)).toEqual([]);
    const denied = await refusal('groups', 'create', 'g', '--token', token);
    expect(denied).toMatchObject({ exit: 3, error: { reason: 'FORBIDDEN' } });
    await answer('tokens', 'revoke', id);
    expect((await refusal('datasets', 'list', '--token', token)).exit).toBe(3);
  });
});

describe('data, training, compression', () => {
  it('registers a data set, and refuses what cannot be read before sending it', async () => {
    const added = await answer('datasets', 'add', 'digits', '--path', digits, '--license', 'CC BY 4.0');
    expect(added).toMatchObject({ name: 'digits', format: 'csv', split: 'digits-v1', license: 'CC BY 4.0' });
    expect(added).toMatchObject({ fileCount: 2 });
    const files = await answer<{ path: string }[]>('datasets', 'files', 'digits');
    expect(files.map((f) => f.path)).toEqual(['dataset.json', 'digits.csv.gz']);
    expect(added['labels']).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(await refusal('datasets', 'add', 'digits', '--path', digits)).toMatchObject({
      exit: 1,
      error: { reason: 'CONFLICT' },
    });
    expect((await refusal('datasets', 'add', 'x', '--path', join(folder, 'nothing'))).exit).toBe(4);
    const { stdout } = await verge('datasets', 'list');
    expect(stdout).toMatch(/^digits +csv +10 /m);
  });

  it('sends both files of an IDX pair', async () => {
    const header = (...sizes: number[]): Buffer => {
      const bytes = Buffer.alloc(4 + 4 * sizes.length);
      bytes.set([0, 0, 8, sizes.length]);
      sizes.forEach((n, i) => bytes.writeUInt32BE(n, 4 + 4 * i));
      return bytes;
    };
    const images = join(folder, 'few-images-idx3-ubyte');
    await writeFile(images, Buffer.concat([header(2, 1, 1), Buffer.of(7, 8)]));
    await writeFile(join(folder, 'few-labels-idx1-ubyte'), Buffer.concat([header(2), Buffer.of(0, 1)]));
    await answer('datasets', 'add', 'few', '--path', images);
    const files = await answer<{ path: string }[]>('datasets', 'files', 'few');
    expect(files.map((f) => f.path)).toEqual(['few-images-idx3-ubyte', 'few-labels-idx1-ubyte']);
  });

  it('trains, and shows the version with its lineage', async () => {
    const config = await writeConfig(folder, { epochs: 4, data: undefined });
    const argv = ['trainings', 'create', '--model', 'digits', '--dataset', 'digits', '--config', config];
    const training = await answer<Named & { test: { accuracy: number } }>(...argv, '--wait');
    expect(training).toMatchObject({ state: 'succeeded', version: 1, attempts: 1 });
    expect(training.test.accuracy).toBeGreaterThan(0.8);
    expect(await answer<unknown[]>('trainings', 'points', training.id)).toHaveLength(4);
    const report = await answer<TrainingReport>('trainings', 'report', training.id);
    expect(report).toMatchObject({ repairs: [], assumed: [] });
    expect(report.parameters.find((line) => line.name === 'conv1.weight')).toMatchObject({ fate: 'moves', why: '' });
    expect((await verge('trainings', 'report', training.id)).stdout).toMatch(/^conv1.weight +\S+ +\d+ +moves/m);
    const version = await answer('models', 'show', 'digits@1');
    expect(version).toMatchObject({ model: 'digits', version: 1, origin: 'plain' });
    expect((version['lineage'] as { edges: unknown[] }).edges.length).toBeGreaterThan(0);
    expect((await verge('models', 'list')).stdout).toMatch(/^digits +classification +1 +1 /m);
    expect((await refusal('models', 'show', 'digits@9')).exit).toBe(4);
    expect((await refusal(...argv.with(5, 'nothing'))).exit).toBe(4);
  });

  it('cancels a training', async () => {
    const config = await writeConfig(folder, { epochs: 5000, data: undefined }, 'long.yaml');
    const argv = ['--model', 'long', '--dataset', 'digits', '--config', config];
    const { id } = await answer<Named>('trainings', 'create', ...argv);
    await answer('trainings', 'cancel', id);
    expect(await refusal('trainings', 'watch', id)).toMatchObject({
      exit: 1,
      error: { message: expect.stringContaining('cancelled') },
    });
  });

  it('compresses, and evaluates', async () => {
    const recipe = join(folder, 'int8.json');
    const passes = [{ pass: 'fold' }, { pass: 'quantize-static', samples: 64 }];
    const budget = { maxAccuracyDropPoints: 100, maxLatencyRatio: 1000, maxSizeRatio: 1 };
    await writeFile(recipe, JSON.stringify({ name: 'int8', passes, budget }));
    await answer('recipes', 'add', recipe);
    const argv = ['compressions', 'create', '--version', 'digits@1', '--class', 'edge', '--wait', '--recipe'];
    const done = await answer(...argv, 'int8');
    expect(done).toMatchObject({ state: 'succeeded', report: { offered: true, recipe: 'int8' } });
    // The same recipe again as a file is the same recipe; another under its name is refused.
    await writeFile(recipe, JSON.stringify({ name: 'int8', passes: passes.slice(0, 1) }));
    expect(await refusal(...argv, recipe)).toMatchObject({
      exit: 2,
      error: { message: /another recipe called 'int8'/ },
    });
    const tight = join(folder, 'tight.json');
    await writeFile(tight, JSON.stringify({ name: 'tight', passes, budget: { ...budget, maxSizeRatio: 0.01 } }));
    expect(await answer(...argv, tight)).toMatchObject({ report: { offered: false } });
    const artifacts = await answer<{ offered: boolean }[]>('artifacts', 'list', '--model', 'digits');
    expect(artifacts.map((a) => a.offered).sort()).toEqual([false, true]);
    expect((await verge('artifacts', 'list')).stdout).toMatch(/no: the size is/);
    // By a part of the identifier, and by what it is of; several of a name are told apart.
    const [newest] = await answer<Named[]>('artifacts', 'list', '--class', 'edge');
    expect(await answer('artifacts', 'show', newest!.id.slice(-8))).toMatchObject({ id: newest!.id });
    expect(await answer('artifacts', 'show', 'digits@1/edge')).toMatchObject({ offered: true });
    expect((await refusal('artifacts', 'show', 'digits@1/nowhere')).exit).toBe(4);
    expect((await refusal('trainings', 'show', newest!.id.slice(0, 4))).exit).toBe(2);
    expect((await refusal('trainings', 'show', 'nothing like it')).exit).toBe(4);
    const evaluation = await answer('evaluations', 'create', '--version', 'digits@1', '--dataset', 'digits', '--wait');
    expect(evaluation).toMatchObject({ state: 'succeeded', test: { samples: 359 } });
  });
});

describe('a search for a fleet', () => {
  it('makes an artifact for each target, says what it tried, and refuses what makes no sense', async () => {
    const argv = ['compressions', 'create', '--version', 'digits@1'];
    const bounds = ['--max-drop', '100', '--max-seconds', '0.2'];
    const made = await answer<(Named & { artifactId: string })[]>(
      ...argv,
      ...['--target', 'raspberry-pi-5', 'x64-avx2', '--wait', ...bounds],
    );
    expect(made).toMatchObject([
      { state: 'succeeded', recipe: null, search: { budget: { maxDropPoints: 100 }, seed: 1 } },
      { state: 'succeeded', target: { name: 'x64-avx2', arch: 'x64', vnni: false } },
    ]);
    expect(made[0]).toMatchObject({ target: { name: 'raspberry-pi-5', arch: 'arm64', int8Activation: 'int8' } });
    const page = join(folder, 'search.html');
    const shown = await verge('compressions', 'search', made[0]!.id, '--html', page);
    expect(shown.stdout).toMatch(/latency is to be measured on the device/);
    expect(await readFile(page, 'utf8')).toMatch(/^<!doctype html>[^]*What was tried/);
    expect((await verge('compressions', 'list')).stdout).toMatch(/digits@1 +search +raspberry-pi-5 +succeeded/);
    const none = await answer<Named>(...argv, '--class', 'edge', '--max-bytes', '10', ...bounds, '--wait');
    expect(none).toMatchObject({ state: 'succeeded', artifactId: null });
    expect((await verge('compressions', 'show', none.id)).stdout).toMatch(
      /offered +no: no variant keeps to the budget/,
    );
    for (const bad of [
      ['--recipe', 'int8', '--class', 'edge', '--max-drop', '1'],
      ['--class', 'edge', '--target', 'raspberry-pi-5', 'x64-avx2'],
      [],
      ['--target', 'toaster'],
    ])
      expect((await refusal(...argv, ...bad)).exit, bad.join(' ')).toBe(2);
    // What follows releases the one artifact that it knows.
    for (const { artifactId } of made) await answer('artifacts', 'delete', artifactId, '--yes');
    for (const { id } of [...made, none]) await answer('compressions', 'delete', id, '--yes');
  }, 60_000);
});

describe('a model of several inputs', () => {
  const project = ['--project', 'inputs'];

  it('is imported with what its inputs are fed, evaluated, trained and compressed', async () => {
    await answer('projects', 'create', 'inputs');
    const data = join(folder, 'masked');
    await writeMasked(data);
    await answer('datasets', 'add', 'masked', '--path', data, ...project);
    const file = join(folder, 'masked.onnx');
    await writeFile(file, encodeModel(masked()));
    const output = masked().graph.outputs[1]!.name;
    const declared = ['--input', 'mask=mask', '--fill', 'scale=2', '--dim', 'one=1', '--output', output];
    const given = ['models', 'import', 'masked', '--file', file, ...project];
    const version = await answer(...given, ...declared);
    const ports = { inputs: { mask: 'mask', scale: 2 }, dims: { one: 1 }, output };
    expect(version).toMatchObject({ model: 'masked', version: 1, origin: 'imported', ports });
    expect((await verge('models', 'show', 'masked@1', ...project)).stdout).toMatch(
      /^further inputs +mask = mask, scale = 2$/m,
    );

    const create = ['create', '--dataset', 'masked', '--wait', ...project];
    const evaluation = await answer<Tested>('evaluations', ...create, '--version', 'masked@1');
    const local = await answer<{ accuracy: number }>(
      ...['evaluate', '--model', file, '--data', data, '--part', 'test', '--runs', '1', ...declared],
    );
    expect(evaluation.test).toMatchObject({ samples: 100, accuracy: local.accuracy });

    // What a training declares of its file holds for what it makes.
    const { digest } = version as { digest: string };
    const optimizer = { name: 'adamw', learningRate: 0.05 };
    const config = await writeConfig(
      folder,
      { model: { onnx: digest, ...ports }, data: undefined, epochs: 4, optimizer },
      'masked.yaml',
    );
    const training = await answer<Tested>('trainings', ...create, '--model', 'masked', '--config', config);
    expect(training).toMatchObject({ state: 'succeeded', version: 2 });
    expect(training.test.accuracy).toBeGreaterThan(0.95);
    expect(await answer('models', 'show', 'masked@2', ...project)).toMatchObject({ ports, origin: 'plain' });

    const recipe = join(folder, 'quantized.json');
    const budget = { maxAccuracyDropPoints: 5, maxLatencyRatio: 1000, maxSizeRatio: 100 };
    const passes = [{ pass: 'fold' }, { pass: 'quantize-static', samples: 64 }];
    await writeFile(recipe, JSON.stringify({ name: 'quantized', passes, budget }));
    const how = ['--version', 'masked@2', '--class', 'edge', '--recipe', recipe];
    const compression = await answer('compressions', ...create, ...how);
    expect(compression).toMatchObject({ state: 'succeeded', report: { offered: true, after: { samples: 100 } } });
  });

  it('is refused where it speaks of inputs that the file does not have', async () => {
    const file = join(folder, 'masked.onnx');
    const wrong = ['--input', 'musk=mask', '--output', 'logits'];
    const { exit, error } = await refusal('models', 'import', 'masked', '--file', file, ...wrong, ...project);
    expect(exit).toBe(2);
    expect(error['details']).toEqual([
      expect.stringContaining("the version has no input 'musk'"),
      expect.stringContaining("the version has no output 'logits'"),
    ]);
    const text = await refusal('models', 'import', 'masked', '--file', file, '--input', 'mask', ...project);
    expect(text.error['message']).toBe("--input expects name=array, an array of the data set, not 'mask'");
  });
});

describe('releases, devices, rollouts', () => {
  const keys = (): string => join(folder, 'keys');
  const artifact = async (offered: boolean): Promise<string> =>
    (await answer<{ id: string; offered: boolean }[]>('artifacts', 'list')).find((a) => a.offered === offered)?.id ??
    '';

  it('signs with keys that stay here, and publishes', async () => {
    const out = join(folder, 'signed');
    const sign = ['releases', 'sign', '--keys', keys(), '--out', out, '--artifact'];
    expect((await refusal(...sign, await artifact(true))).exit).toBe(4);
    await answer('releases', 'init', '--keys', keys(), '--root-keys', '2', '--root-threshold', '2');
    const files = (await readdir(keys())).sort();
    expect(files).toContain('root-2.key.json');
    for (const name of files.filter((n) => n.endsWith('.key.json')))
      expect((await stat(join(keys(), name))).mode & 0o077).toBe(0);
    expect((await refusal('releases', 'init', '--keys', keys())).exit).toBe(2);
    expect(await refusal(...sign, await artifact(false))).toMatchObject({
      exit: 1,
      error: { message: expect.stringContaining('is not offered: the size is') },
    });
    await answer(...sign, await artifact(true));
    const release = await answer('releases', 'publish', out, '--name', 'first');
    expect(release).toMatchObject({ name: 'first', artifacts: [{ id: await artifact(true) }] });
    const sent = JSON.stringify(await Promise.all((await readdir(out)).map((n) => readFile(join(out, n), 'utf8'))));
    expect(sent).not.toContain('PRIVATE');
    // Keys of a stranger do not sign what these published; bytes that changed after signing are refused.
    const other = join(folder, 'other-keys');
    await answer('releases', 'init', '--keys', other);
    const foreign = ['releases', 'sign', '--keys', other, '--out', join(folder, 'foreign'), '--artifact'];
    expect(await refusal(...foreign, await artifact(true))).toMatchObject({ exit: 1, error: { code: 'failed' } });
    const targets = (await readdir(out)).find((n) => n.endsWith('.targets.json')) ?? '';
    const text = await readFile(join(out, targets), 'utf8');
    await writeFile(join(out, targets), text.replace('"edge"', '"mine"'));
    expect(text).toContain('"edge"');
    expect(await refusal('releases', 'publish', out, '--name', 'forged')).toMatchObject({
      exit: 1,
      error: { reason: 'RELEASE_REFUSED' },
    });
    expect(await answer<unknown[]>('releases', 'list')).toHaveLength(1);
  });

  it('makes what a device needs to enrol', async () => {
    await answer('groups', 'create', 'lab');
    const file = join(folder, 'bundle.json');
    const argv = ['devices', 'enroll-token', '--class', 'edge', '--group', 'lab', '--max-uses', '2', '--keys', keys()];
    const { bundle } = await answer<{ bundle: { releaseRoot: string } }>(...argv, '--out', file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(bundle);
    const root = Buffer.from(bundle.releaseRoot, 'base64').toString('utf8');
    expect(root).toBe(await readFile(join(keys(), 'metadata', '1.root.json'), 'utf8'));
    expect(await answer('devices', 'list')).toEqual([]);
    expect((await refusal('devices', 'revoke', crypto.randomUUID())).exit).toBe(4);
    expect((await refusal('devices', 'enroll-token', '--class', 'edge', '--group', 'nowhere')).exit).toBe(4);
  });

  it('checks a rollout before and after sending it', async () => {
    const argv = ['rollouts', 'create', '--name', 'r', '--release', 'first', '--group', 'lab'];
    expect(await refusal(...argv, '--canary', 'few')).toMatchObject({ exit: 2, error: { message: /--canary/ } });
    expect((await refusal(...argv, '--max-failed', '2')).exit).toBe(2);
    expect((await refusal(...argv.with(5, 'nothing'))).exit).toBe(4);
    expect((await refusal(...argv.with(7, 'nowhere'))).exit).toBe(4);
    expect((await refusal('rollouts', 'pause', crypto.randomUUID())).exit).toBe(4);
  });
});

describe('the release repository over the years', () => {
  const keys = (): string => join(folder, 'keys');
  type Status = {
    roles: { role: string; version: number; keyIds: string[]; threshold: number }[];
    targets: { path: string }[];
    withdrawn: { path: string; reason: string }[];
    atHand: Record<string, number>;
    unpublished: string[];
  };
  const status = () => answer<Status>('releases', 'status', '--keys', keys());
  const versions = async () => (await status()).roles.map(({ version }) => version);

  it('is described, and renewed here or by way of a folder', async () => {
    const before = await status();
    expect(before.atHand).toEqual({ root: 2, targets: 1, snapshot: 1, timestamp: 1 });
    expect((await verge('releases', 'status')).stdout).toMatch(/^timestamp +2 .* 29 /m);
    expect(await answer('releases', 'renew', '--keys', keys())).toMatchObject({ renewed: ['timestamp'], lacking: [] });
    expect(await versions()).toEqual([1, 2, 2, 3]);
    const out = join(folder, 'renewed');
    await answer('releases', 'renew', '--keys', keys(), '--all', '--out', out);
    expect((await status()).unpublished.sort()).toEqual([
      '2.root.json',
      '3.snapshot.json',
      '3.targets.json',
      'timestamp.json',
    ]);
    await answer('releases', 'publish', out);
    expect(await versions()).toEqual([2, 3, 3, 4]);
    expect(await refusal('releases', 'publish', out)).toMatchObject({ exit: 2, error: { message: /already/ } });
    expect((await refusal('releases', 'renew', '--keys', join(folder, 'nowhere'))).exit).toBe(4);
  });

  it('gets fresh keys, which sign from then on', async () => {
    const bad = await refusal('releases', 'rotate', '--keys', keys(), '--role', 'boss', '--role', 'root');
    expect(bad).toMatchObject({ exit: 2, error: { message: expect.stringContaining("got 'boss'") } });
    const before = await status();
    const rotate = ['releases', 'rotate', '--keys', keys(), '--role', 'root', '--role', 'targets'];
    const rotated = await answer<{ retired: string[] }>(...rotate, '--root-keys', '3', '--root-threshold', '2');
    expect(rotated.retired.sort()).toEqual(['root-1.key.json', 'root-2.key.json', 'targets.key.json']);
    expect((await readdir(join(keys(), 'retired'))).sort()).toEqual(rotated.retired);
    const after = await status();
    expect(after.roles[0]).toMatchObject({ role: 'root', version: 3, threshold: 2 });
    expect(after.atHand).toEqual({ root: 3, targets: 1, snapshot: 1, timestamp: 1 });
    expect(after.roles.flatMap((r) => r.keyIds).filter((id) => before.roles[0]!.keyIds.includes(id))).toEqual([]);
    expect(after.targets).toEqual(before.targets);
    await answer('releases', 'renew', '--keys', keys(), '--all');
  });

  it('is kept by the commands of docs/keys-and-certificates.md, as they stand', async () => {
    const bundle = join(folder, 'press.json');
    await answer('devices', 'enroll-token', '--class', 'edge', '--keys', keys(), '--out', bundle);
    const enroll = (file: string, dir: string) =>
      run(process.execPath, [join(apps, 'agent/bin/verge-agent.mjs'), 'enroll', '--bundle', file, '--dir', dir]);
    const device = join(folder, 'device');
    await enroll(bundle, device);
    const [{ id }] = await answer<[Named]>('devices', 'list');
    const text = await readFile(join(apps, '../docs/keys-and-certificates.md'), 'utf8');
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block!);
    const commands = blocks.flatMap((block) => block.trim().split('\n'));
    expect(commands.length).toBeGreaterThan(8);
    const here: Record<string, string> = { $DEVICE: id, 'digits-3': 'first' };
    for (const name of ['keys', 'renewed', 'again.json', 'new-key.json']) here[name] = join(folder, name);
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
      expect(words[0]).toBe('verge');
      await answer(...words.slice(1).map((word) => here[word] ?? word));
      if (command.includes('again.json')) expect((await enroll(here['again.json']!, device)).stdout).toContain(id);
    }
    expect((await answer<[{ state: string }]>('devices', 'list'))[0].state).toBe('revoked');
  });

  it('labels a device, and not over what somebody else changed', async () => {
    const [{ id, name }] = await answer<[Named & { name: string }]>('devices', 'list');
    const labels = async (): Promise<unknown> => (await answer<{ labels: unknown }>('devices', 'show', id)).labels;
    await answer('devices', 'label', name, 'line=a', 'note=x=y', 'old=1');
    expect((await verge('devices', 'label', id, 'line=b', 'old-')).stdout).toContain(`${name}: line=b, note=x=y`);
    const bad = await refusal('devices', 'label', id, 'line', '=x', 'a=1', 'a-', `${'k'.repeat(64)}=1`);
    expect([bad.exit, (bad.error.details as string[]).length]).toEqual([2, 4]);
    const { token } = await answer<{ token: string }>('tokens', 'create', 'labels', '--role', 'operator');
    const client = createClient({ baseUrl: url, token });
    const device = { project: 'vision', device: id };
    // Another operator comes between the look and the change.
    const late: Client = {
      ...client,
      callWithETag: async (operation, args) => {
        const read = await client.callWithETag(operation, args);
        await client.call('devices.update', { params: device, body: { labels: { line: 'c' } } });
        return read;
      },
    };
    await expect(changeLabels(late, device, { line: 'd' })).rejects.toMatchObject({
      code: 'failed',
      details: ['before: line=b, note=x=y', 'now: line=c, note=x=y'],
    });
    expect(await labels()).toEqual({ line: 'c', note: 'x=y' });
  });

  it('takes releases back for good, and says what is not there', async () => {
    const withdraw = ['releases', 'withdraw', '--keys', keys(), '--reason', 'wrong answers in the rain'];
    expect(await refusal(...withdraw, 'nothing', crypto.randomUUID(), 'first')).toMatchObject({
      exit: 4,
      error: {
        details: [
          expect.stringContaining("'nothing' is no artifact"),
          expect.stringContaining('is no artifact'),
          "'first' is withdrawn already",
        ],
      },
    });
    expect(await status()).toMatchObject({ targets: [], withdrawn: [{ reason: 'wrong answers in the rain' }] });
    const id = (await answer<{ id: string; offered: boolean }[]>('artifacts', 'list')).find((a) => a.offered)!.id;
    const again = ['releases', 'sign', '--keys', keys(), '--out', join(folder, 'again'), '--artifact', id];
    expect((await refusal(...again)).error).toMatchObject({ message: expect.stringContaining('was withdrawn') });
    const rollout = ['rollouts', 'create', '--name', 'late', '--release', 'first', '--group', 'lab'];
    expect((await refusal(...rollout)).error).toMatchObject({ details: [expect.stringContaining('was withdrawn')] });
  });
});

describe('deleting', () => {
  it('asks, names what is in the way, and deletes what nothing holds', async () => {
    // Nobody can be asked here.
    expect(await refusal('recipes', 'delete', 'int8')).toMatchObject({
      exit: 2,
      error: { message: expect.stringContaining('--yes'), details: ['recipe int8: fold > quantize-static'] },
    });
    const held = await refusal('recipes', 'delete', 'int8', '--yes');
    expect(held).toMatchObject({ exit: 1, error: { reason: 'IN_USE' } });
    expect(held.error['details']).toEqual([expect.stringMatching(/^compression digits@1 int8 {2}[0-9a-f-]{36}$/)]);
    // A name that is wrong deletes nothing, of several too.
    const [evaluation] = await answer<Named[]>('evaluations', 'list');
    expect((await refusal('evaluations', 'delete', evaluation!.id, 'nothing', '--yes')).exit).toBe(4);
    const deleted = await verge('evaluations', 'delete', evaluation!.id.slice(-8), '--yes');
    expect([deleted.code, deleted.stdout]).toEqual([
      0,
      expect.stringMatching(/^deleted evaluation .* of digits@1 on digits/),
    ]);
    expect(await answer<Named[]>('evaluations', 'list')).toEqual([]);
    await answer('projects', 'create', 'spare');
    expect((await refusal('projects', 'delete', 'spare')).exit).toBe(2);
    expect(await answer('projects', 'delete', 'spare', '--yes')).toMatchObject({ kind: 'project', name: 'spare' });
    expect((await refusal('projects', 'delete', 'spare', '--yes')).exit).toBe(4);
    expect((await answer<Named[]>('projects', 'deletions')).map((r) => r.name)).toContain('spare');
    expect(await answer('blobs', 'collect', '--dry-run')).toMatchObject({ dryRun: true, state: 'finished' });
    expect(await answer('blobs', 'usage')).toMatchObject({ graceHours: 24, collectable: { blobs: 0 } });
    expect((await verge('blobs', 'usage')).stdout).toMatch(/^held +[0-9.]+ [KM]iB in \d+ blobs$/m);
    expect(await answer('datasets', 'delete', 'few', '--yes')).toMatchObject({ deleted: [expect.any(String)] });
    expect((await refusal('datasets', 'show', 'few')).exit).toBe(4);
  });
});

describe('observation', () => {
  it('answers in tables for people and in JSON for scripts', async () => {
    expect(await answer('telemetry', 'totals', '--since', '15m')).toMatchObject({ requests: 0, duplicates: 0 });
    await answer('telemetry', 'series', '--step', '60');
    expect((await refusal('telemetry', 'totals', '--since', 'yesterday')).exit).toBe(2);
    expect((await verge('overview')).stdout).toMatch(/^devices +0 of 0 online/m);
    const audit = (await verge('audit', '--limit', '500')).stdout;
    for (const action of ['dataset.', 'training.', 'release.']) expect(audit).toContain(action);
  });

  it('logs out', async () => {
    await answer('logout');
    expect((await refusal('whoami')).exit).toBe(3);
  });
});
