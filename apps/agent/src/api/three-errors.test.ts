/** Whose error it is: the caller's, the load's or the model's, over real sockets and a real inference process. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel, float32, GraphBuilder } from '@verge/onnx';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireBuild, until } from '../../tests/agent-process.js';
import { buildArtifact, type BuildOptions } from '../../tests/artifacts.js';
import { Serving } from '../serving.js';
import { observationOf, Window } from '../telemetry/window.js';
import { readSlot, writeSlot } from '../update/artifact.js';
import { Store } from '../update/store.js';
import { Api } from './server.js';

const log = pino({ enabled: false });
let dir: string;
let url: string;
let serving: Serving;
let api: Api;
let window: Window;
const bare: string[] = [];

async function activate(options: BuildOptions): Promise<void> {
  const built = buildArtifact(options);
  const store = new Store(join(dir, 'store'), 0);
  for (const [digest, bytes] of built.blobs) await writeFile(store.path(digest), bytes);
  const folder = join(dir, `slot-${options.version}`);
  const manifestBytes = built.blobs.get(built.digest)!;
  await writeSlot({ folder, store, digest: built.digest, manifestBytes, manifest: built.manifest });
  await serving.activate(await readSlot(folder, built.digest, built.manifest.deviceClass));
}

/** x [n, m] times a matrix of `rows` rows: only the graph knows which m fits. */
function freeModel(rows: number): Buffer {
  const builder = new GraphBuilder();
  builder.input('x', 'float32', ['n', 'm']);
  const weights = builder.constant(float32([rows, 3], new Float32Array(rows * 3).fill(1)));
  builder.node('MatMul', ['x', weights], {}, 1, { outputNames: ['scores'] });
  builder.output('scores', 'float32', ['n', 3]);
  return Buffer.from(encodeModel(builder.build()));
}
const free: BuildOptions['manifest'] = { inputs: [{ name: 'x', dtype: 'float32', shape: [-1, -1] }] };

beforeAll(async () => {
  requireBuild();
  dir = await mkdtemp(join(tmpdir(), 'verge-errors-'));
  await mkdir(join(dir, 'store'));
  serving = new Serving({ threads: 1, onCrash: () => undefined, log });
  const record = (seen: Parameters<typeof observationOf>[0]): void => {
    const observation = observationOf(seen);
    if (observation) window.add(observation);
    else bare.push(seen.outcome);
  };
  api = new Api({ serving, record, status: () => Promise.resolve({}), bodyBytes: 1_000_000, log });
  url = await api.listenTcp('127.0.0.1', 0);
});
afterAll(async () => {
  await api.close();
  await serving.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  window = new Window(0);
  bare.length = 0;
});

const counted = () => {
  const { requests, errors, callerErrors, loadErrors } = window.records(1)[0]!;
  return { requests, errors, callerErrors, loadErrors };
};
const path = '/v2/models/scans/infer';
const sample = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
const post = async (body: unknown, headers: Record<string, string> = {}, at = path) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}${at}`, { method: 'POST', body: text, headers });
  return { status: answer.status, error: ((await answer.json()) as { error?: string }).error ?? '' };
};
const deep = (open: string, close: string): string =>
  `{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":${open.repeat(20_000)}1${close.repeat(20_000)}}]}`;

const nested = '['.repeat(20_000) + ']'.repeat(20_000);

describe("the caller's errors", () => {
  beforeAll(() => activate({ version: 1 }));

  const outputs = (parameters: object) => ({ inputs: [sample], outputs: [{ name: 'scores', parameters }] });
  const mistakes: [string, unknown, number, RegExp, Record<string, string>?, string?][] = [
    ['no JSON', '{', 400, /JSON/],
    ['data nested 20,000 deep', deep('[', ']'), 400, /nested more than 16 deep/],
    ['objects nested 20,000 deep', deep('[{"a":', '}]'), 400, /./],
    ['a request nested 20,000 deep', nested, 400, /request/],
    ['parameters nested 20,000 deep', `{"parameters":{"a":${nested}},"inputs":[]}`, 400, /parameters.a/],
    ['a shape nested 20,000 deep', `{"inputs":[{"name":"x","shape":${nested}}]}`, 400, /inputs.0.shape/],
    ['the same output twice', { inputs: [sample], outputs: [{ name: 'scores' }, { name: 'scores' }] }, 400, /twice/],
    ['a timeout, which is not kept', { inputs: [sample], parameters: { timeout: 5 } }, 400, /parameters.timeout/],
    ['a sequence', { inputs: [sample], parameters: { sequence_id: 1 } }, 400, /parameters.sequence_id/],
    ['a shape that does not fit', { inputs: [{ ...sample, shape: [1, 3], data: [1, 2, 3] }] }, 400, /x.*\[n, 4\]/],
    ['another rank', { inputs: [{ ...sample, shape: [4] }] }, 400, /x.*\[4\]/],
    ['no samples', { inputs: [{ ...sample, shape: [0, 4], data: [] }] }, 400, /no elements/],
    ['another type', { inputs: [{ ...sample, datatype: 'INT32' }] }, 400, /x.*INT32.*FP32/],
    ['a number beyond its type', { inputs: [{ ...sample, data: [1, 2, 3, 1e39] }] }, 400, /data\[3\]/],
    ['an unknown input', { inputs: [sample, { ...sample, name: '__proto__' }] }, 400, /__proto__/],
    ['an unknown output', { inputs: [sample], outputs: [{ name: 'y' }] }, 400, /outputs y.*scores/],
    ['a shared-memory output', outputs({ shared_memory_region: 'r' }), 400, /shared_memory_region/],
    ['an unknown parameter', outputs({ topk: 3 }), 400, /topk/],
    ['more than is read', 'x'.repeat(1_000_001), 413, /bytes/],
    ['a compressed body', { inputs: [sample] }, 415, /gzip/, { 'content-encoding': 'gzip' }],
    ['another charset', { inputs: [sample] }, 415, /latin1/, { 'content-type': 'application/json; charset=latin1' }],
    ['another model', { inputs: [sample] }, 404, /other/, {}, '/v2/models/other/infer'],
  ];
  it.each(mistakes)('%s', async (_, body, status, error, headers, at) => {
    expect(await post(body, headers, at)).toEqual({ status, error: expect.stringMatching(error) });
    expect(counted()).toEqual({ requests: 0, errors: 0, callerErrors: 1, loadErrors: 0 });
  });
});

describe("the load's errors", () => {
  it('are those of a burst, also when it is told to come again', async () => {
    await activate({ version: 2 });
    process.kill(serving.pid!, 'SIGSTOP');
    const sent = Array.from({ length: 160 }, () => post({ inputs: [sample] }));
    await until('the queue to be full', () => window.records(1)[0]?.loadErrors === 32);
    process.kill(serving.pid!, 'SIGCONT');
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 503).length).toBe(32);
    expect(counted()).toEqual({ requests: 128, errors: 0, callerErrors: 0, loadErrors: 32 });
  });
});

describe("the model's errors", () => {
  it('are runs that fail on input that the version before answered, not on other shapes', async () => {
    await activate({ version: 3, model: freeModel(4), manifest: free });
    expect((await post({ inputs: [sample] })).status).toBe(200);
    const wide = { ...sample, shape: [1, 5], data: [1, 2, 3, 4, 5] };
    expect((await post({ inputs: [wide] })).status).toBe(400);
    expect(counted()).toEqual({ requests: 1, errors: 0, callerErrors: 1, loadErrors: 0 });
    await activate({ version: 4, model: freeModel(5), manifest: free });
    window = new Window(0);
    expect((await post({ inputs: [sample] })).status).toBe(500);
    expect((await post({ inputs: [wide] })).status).toBe(200);
    expect(counted()).toEqual({ requests: 2, errors: 1, callerErrors: 0, loadErrors: 0 });
  });

  it('are its own preprocessing that does not fit it', async () => {
    const five: BuildOptions['manifest'] = {
      inputs: [{ name: 'x', dtype: 'float32', shape: [-1, 5] }],
      preprocess: {
        input: { kind: 'array', shape: [2, 2], layout: 'HW' },
        steps: [],
        output: { layout: 'N', shape: [4], dtype: 'float32' },
      },
    };
    await activate({ version: 5, manifest: five });
    const raw = { name: 'raw', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 4] };
    const answer = await post({ parameters: { preprocess: true }, inputs: [raw] });
    expect(answer).toEqual({ status: 500, error: expect.stringContaining('after preprocessing') });
    expect(counted()).toEqual({ requests: 1, errors: 1, callerErrors: 0, loadErrors: 0 });
  });

  it('are a process that crashed too often; mistakes of callers stay theirs meanwhile', async () => {
    await activate({ version: 6 });
    for (let last = 0, crashes = 0; crashes < 4; crashes++) {
      const pid = await until('a process', () => (serving.pid !== last ? serving.pid : null));
      process.kill((last = pid), 'SIGKILL');
    }
    await until('the process to stay down', () => serving.current === null);
    expect((await post({ inputs: [sample] })).status).toBe(503);
    expect((await post({ inputs: [{ ...sample, shape: [4] }] })).status).toBe(400);
    expect(counted()).toEqual({ requests: 1, errors: 1, callerErrors: 1, loadErrors: 0 });
  });
});

it('counts in no record what came while nothing was installed', async () => {
  await serving.deactivate();
  expect((await post({ inputs: [sample] })).status).toBe(503);
  expect((await post('{')).status).toBe(503);
  expect(window.empty).toBe(true);
  expect(bare).toEqual(['load-error', 'load-error']);
});
