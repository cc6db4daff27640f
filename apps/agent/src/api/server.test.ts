/** The local inference API on real sockets with a real inference process. */
import { request } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireBuild } from '../../tests/agent-process.js';
import { buildArtifact, scoresOf } from '../../tests/artifacts.js';
import { bitmap } from '../../tests/bitmap.js';
import { Serving } from '../serving.js';
import type { Seen } from '../telemetry/window.js';
import { readSlot, writeSlot } from '../update/artifact.js';
import { Store } from '../update/store.js';
import { Api } from './server.js';

const log = pino({ enabled: false });
const bodyBytes = 100_000;
const seen: Seen[] = [];
let dir: string;
let url: string;
let socketPath: string;
let serving: Serving;
let api: Api;

/** Puts an artifact into a slot the way an update does. */
async function activate(built: ReturnType<typeof buildArtifact>): Promise<void> {
  const store = new Store(join(dir, 'store'), 0);
  for (const [digest, bytes] of built.blobs) await writeFile(store.path(digest), bytes);
  const folder = join(dir, `slot-${built.manifest.version}`);
  await writeSlot({
    folder,
    store,
    digest: built.digest,
    manifestBytes: built.blobs.get(built.digest)!,
    manifest: built.manifest,
  });
  await serving.activate(await readSlot(folder, built.digest, built.manifest.deviceClass));
}

beforeAll(async () => {
  requireBuild();
  dir = await mkdtemp(join(tmpdir(), 'verge-api-'));
  await mkdir(join(dir, 'store'));
  serving = new Serving({ threads: 1, onCrash: () => undefined, log });
  api = new Api({ serving, record: (o) => seen.push(o), status: () => Promise.resolve({}), bodyBytes, log });
  url = await api.listenTcp('127.0.0.1', 0);
  socketPath = join(dir, 'api.sock');
  await api.listenUnix(socketPath);
});
afterAll(async () => {
  await api.close();
  await serving.close();
  await rm(dir, { recursive: true, force: true });
});

const get = async (path: string) => {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const post = async (path: string, body: unknown) => {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
};
const pixels = [0.5, 0.25, 0, 0.25];
const infer = '/v2/models/scans/infer';
const sample = { name: 'x', shape: [1, 4], datatype: 'FP32', data: pixels };

describe('before a model is loaded', () => {
  it('lives but is not ready', async () => {
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/health/ready')).toEqual({ status: 503, body: { ready: false } });
    expect((await post(infer, { inputs: [sample] })).status).toBe(503);
    expect((await post('/v2/repository/index', {})).body).toEqual([]);
  });
});

describe('inference API', () => {
  const built = buildArtifact({ version: 3 });
  beforeAll(() => activate(built));

  it('describes the server and the model', async () => {
    expect((await get('/v2')).body).toMatchObject({
      name: 'verge-agent',
      extensions: expect.arrayContaining(['binary_tensor_data']),
    });
    const model = {
      name: 'scans',
      versions: ['3'],
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 3] }],
    };
    expect((await get('/v2/models/scans')).body).toMatchObject(model);
    expect((await get('/v2/models/scans/versions/3')).body).toMatchObject(model);
    expect((await get('/v2/models/scans/ready')).body).toEqual({ name: 'scans', ready: true });
    expect((await get('/v2/health/ready')).body).toEqual({ ready: true });
    expect((await post('/v2/repository/index', {})).body).toEqual([
      { name: 'scans', version: '3', state: 'READY', reason: '' },
    ]);
  });

  it('answers JSON with JSON and says which artifact answered', async () => {
    const { status, body, headers } = await post(infer, { id: 'r1', inputs: [sample] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: 'r1',
      model_name: 'scans',
      model_version: '3',
      parameters: { manifest_digest: built.digest },
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [1, 3], data: scoresOf(pixels, 300) }],
    });
    expect(headers.get('verge-manifest-digest')).toBe(built.digest);
    expect(headers.get('verge-model-version')).toBe('3');
  });

  it('takes and gives binary tensors over the Unix socket', async () => {
    const rows = [pixels, [1, 1, 1, 1]];
    const blob = Buffer.from(Float32Array.from(rows.flat()).buffer);
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ name: 'x', shape: [2, 4], datatype: 'FP32', parameters: { binary_data_size: blob.length } }],
      }),
    );
    const answer = await new Promise<{ length: number; body: Buffer }>((resolve, reject) => {
      const headers = { 'inference-header-content-length': json.length };
      const call = request({ socketPath, path: infer, method: 'POST', headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ length: Number(response.headers['inference-header-content-length']), body: Buffer.concat(parts) }),
        );
      });
      call.on('error', reject);
      call.end(Buffer.concat([json, blob]));
    });
    const head = JSON.parse(answer.body.toString('utf8', 0, answer.length)) as { outputs: unknown[] };
    expect(head.outputs).toEqual([
      { name: 'scores', datatype: 'FP32', shape: [2, 3], parameters: { binary_data_size: 24 } },
    ]);
    const scores = new Float32Array(Uint8Array.from(answer.body.subarray(answer.length)).buffer);
    expect([...scores]).toEqual(rows.flatMap((row) => scoresOf(row, 300)));
  });

  it('preprocesses raw samples, alone and in batches', async () => {
    const raw = [8, 4, 0, 4];
    const parameters = { preprocess: true };
    const one = await post(infer, {
      parameters,
      inputs: [{ name: 'raw', shape: [2, 2], datatype: 'UINT8', data: raw }],
    });
    expect(one.body).toMatchObject({ outputs: [{ shape: [1, 3], data: scoresOf(pixels, 300) }] });
    const nested = [
      [
        [8, 4],
        [0, 4],
      ],
      [
        [16, 16],
        [16, 16],
      ],
    ];
    const two = await post(infer, {
      parameters,
      inputs: [{ name: 'raw', shape: [2, 2, 2], datatype: 'FP32', data: nested }],
    });
    expect(two.body).toMatchObject({
      outputs: [{ shape: [2, 3], data: [...scoresOf(pixels, 300), ...scoresOf([1, 1, 1, 1], 300)] }],
    });
    const wrong = await post(infer, {
      parameters,
      inputs: [{ name: 'raw', shape: [3], datatype: 'UINT8', data: [1, 2, 3] }],
    });
    expect(wrong).toMatchObject({ status: 400, body: { error: expect.stringContaining('[2, 2]') } });
  });

  it('classifies by the classification extension', async () => {
    const outputs = [{ name: 'scores', parameters: { classification: 2 } }];
    const { body } = await post(infer, { inputs: [sample], outputs });
    expect(body).toMatchObject({
      outputs: [{ name: 'scores', datatype: 'BYTES', shape: [1, 2], data: ['301.000000:0:zero', '3.000000:2:two'] }],
    });
  });

  it('observes what it answers: latency, classes, features', async () => {
    seen.length = 0;
    await post(infer, { inputs: [sample] });
    await post(infer, { inputs: [{ ...sample, shape: [9] }] });
    expect(seen.length).toBe(2);
    const [one, two] = seen as [Seen, Seen];
    expect(one).toMatchObject({ artifactDigest: built.digest, outcome: 'answered', classes: [0] });
    expect(two).toMatchObject({ artifactDigest: built.digest, outcome: 'caller-error', classes: [], features: {} });
    expect(one.features['input.mean']).toEqual([0.25]);
    // Population deviation of 0.5, 0.25, 0, 0.25.
    expect(one.features['input.std']![0]).toBeCloseTo(Math.sqrt(0.125 / 4), 12);
    expect(one.features['output.confidence']![0]).toBeCloseTo(1, 12);
  });

  it.each([
    ['an unknown path', 'GET', '/v2/nothing', undefined, 404],
    ['an unknown model', 'POST', '/v2/models/other/infer', { inputs: [sample] }, 404],
    ['another version', 'POST', '/v2/models/scans/versions/9/infer', { inputs: [sample] }, 404],
    ['a broken escape', 'GET', '/v2/models/%E0%A4%A', undefined, 404],
    ['the wrong method', 'GET', infer, undefined, 405],
    ['no JSON', 'POST', infer, '{', 400],
    ['no inputs', 'POST', infer, {}, 400],
    ['an unknown input', 'POST', infer, { inputs: [{ ...sample, name: 'y' }] }, 400],
    ['the wrong type', 'POST', infer, { inputs: [{ ...sample, datatype: 'INT32', data: [1, 2, 3, 4] }] }, 400],
    ['an unknown type', 'POST', infer, { inputs: [{ ...sample, datatype: 'FP8' }] }, 400],
    ['the wrong shape', 'POST', infer, { inputs: [{ ...sample, shape: [1, 3], data: [1, 2, 3] }] }, 400],
    ['the same input twice', 'POST', infer, { inputs: [sample, sample] }, 400],
    ['an unknown output', 'POST', infer, { inputs: [sample], outputs: [{ name: 'z' }] }, 400],
    ['more than is read', 'POST', infer, 'x'.repeat(bodyBytes + 1), 413],
  ])('refuses %s with an error object', async (_, method, path, body, status) => {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const answer = await fetch(`${url}${path}`, { method, ...sent });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(/.{5,}/) });
  });

  it('refuses a body without a length that grows beyond the limit', async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(20_000)),
    });
    const answer = await fetch(`${url}${infer}`, {
      method: 'POST',
      body: endless,
      duplex: 'half',
    } as RequestInit).catch(() => null);
    // The connection may be closed before the answer is read.
    if (answer) expect(answer.status).toBe(413);
    expect((await get('/v2/health/ready')).status).toBe(200);
  });
});

describe('a model of images', () => {
  it('takes encoded images, in base64 and binary', async () => {
    await activate(
      buildArtifact({
        version: 4,
        manifest: {
          preprocess: {
            input: { kind: 'image' },
            steps: [
              { op: 'color', to: 'gray' },
              { op: 'scale', scale: 1 / 16, offset: 0 },
            ],
            output: { layout: 'N', shape: [4], dtype: 'float32' },
          },
        },
      }),
    );
    const image = bitmap([
      [8, 4],
      [0, 4],
    ]);
    const parameters = { preprocess: true };
    const json = await post(infer, {
      parameters,
      inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', data: [image.toString('base64')] }],
    });
    expect(json.body).toMatchObject({ outputs: [{ data: scoresOf(pixels, 400) }] });
    const length = Buffer.alloc(4);
    length.writeUInt32LE(image.length);
    const blob = Buffer.concat([length, image, length, image]);
    const head = Buffer.from(
      JSON.stringify({
        parameters,
        inputs: [{ name: 'image', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: blob.length } }],
      }),
    );
    const answer = await fetch(`${url}${infer}`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length) },
      body: Buffer.concat([head, blob]),
    });
    expect(await answer.json()).toMatchObject({
      outputs: [{ shape: [2, 3], data: [...scoresOf(pixels, 400), ...scoresOf(pixels, 400)] }],
    });
    const bad = await post(infer, {
      parameters,
      inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', data: ['bm8gaW1hZ2U='] }],
    });
    expect(bad.status).toBe(400);
  });

  it('takes recordings as WAV, through the steps that the manifest carries', async () => {
    await activate(
      buildArtifact({
        version: 5,
        manifest: {
          preprocess: {
            input: { kind: 'audio' },
            steps: [{ op: 'fit-length', steps: 4, keep: 'start', value: 0 }],
            output: { layout: 'N', shape: [4], dtype: 'float32' },
          },
        },
      }),
    );
    // 16-bit PCM, one channel, 8 kHz; the fifth sample is cut off by the steps.
    const samples = [...pixels, 0.75].map((v) => v * 2 ** 15);
    const wav = Buffer.alloc(44 + 2 * samples.length);
    wav.write('RIFF____WAVEfmt ');
    const format = [16, 1 + (1 << 16), 8000, 16_000, 2 + (16 << 16)];
    format.forEach((v, i) => wav.writeUInt32LE(v, 16 + 4 * i));
    wav.write('data', 36);
    wav.writeUInt32LE(2 * samples.length, 40);
    samples.forEach((v, i) => wav.writeInt16LE(v, 44 + 2 * i));
    const ask = (data: string) =>
      post(infer, {
        parameters: { preprocess: true },
        inputs: [{ name: 'sound', shape: [1], datatype: 'BYTES', data: [data] }],
      });
    expect((await ask(wav.toString('base64'))).body).toMatchObject({ outputs: [{ data: scoresOf(pixels, 500) }] });
    expect((await ask(wav.subarray(0, 47).toString('base64'))).status).toBe(400);
  });
});
