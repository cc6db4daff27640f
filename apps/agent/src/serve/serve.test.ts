/** `verge-agent serve` as a user meets it: real files, processes and sockets. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel, float16Bits, GraphBuilder } from '@verge/onnx';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runs, until } from '../../tests/agent-process.js';
import { linearModel, scoresOf } from '../../tests/artifacts.js';
import { ServeProcess } from '../../tests/serve-process.js';
import { readLabels, readPreprocess } from './given-files.js';
import { nameOf } from './model-file.js';
import { FileServer, type ServeOptions } from './serve.js';

const scan =
  'input: { kind: array, shape: [2, 2], layout: HW }\nsteps: [{ op: scale, scale: 0.0625 }]\noutput: { layout: N, shape: [4] }\n';
let dir: string;
const at = (name: string): string => join(dir, name);
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-serve-'));
  await writeFile(at('scans.onnx'), linearModel(100));
  await writeFile(at('mixed.onnx'), mixedModel());
  await writeFile(at('labels.txt'), 'zero\r\none\r\ntwo\r\n');
  await writeFile(at('scan.yaml'), scan);
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function spawned(...args: string[]): ServeProcess {
  const server = ServeProcess.spawn(args.includes('--socket') ? args : [...args, '--port', '0']);
  ends.push(() => server.end());
  return server;
}

/** The command's server within this process. */
async function started(file: string, given: Partial<ServeOptions> = {}): Promise<FileServer> {
  const server = await FileServer.start({
    ...{ path: at(file), name: nameOf(file), preprocess: null, labels: null, threads: 1, bodyBytes: 10_000 },
    ...{ tcp: { host: '127.0.0.1', port: 0 }, socket: null, log: pino({ enabled: false }), ...given },
  });
  ends.push(() => server.stop());
  return server;
}

async function post(url: string, body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { method: 'POST', body, headers });
  return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
}
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
async function infer(url: string, model: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const { status, bytes } = await post(`${url}/v2/models/${model}/infer`, JSON.stringify(body));
  return { status, body: JSON.parse(textOf(bytes)) };
}

const pixels = [0.5, 0.25, 0, 0.25];
const sample = { name: 'x', shape: [1, 4], datatype: 'FP32', data: pixels };
const raw = { name: 'raw', shape: [2, 2], datatype: 'UINT8', data: [8, 4, 0, 5] };

/** Doubles halves and ids, negates flags, hands texts on: every input of its own type and with a free size. */
function mixedModel(): Uint8Array {
  const b = new GraphBuilder();
  const half = b.input('half', 'float16', ['n', 2]);
  const ids = b.input('ids', 'int64', ['n', 'length']);
  const text = b.input('text', 'string', ['words']);
  const flag = b.input('flag', 'bool', []);
  b.node('Add', [half, half], {}, 1, { outputNames: ['doubled'] });
  b.node('Add', [ids, ids], {}, 1, { outputNames: ['sums'] });
  b.node('Identity', [text], {}, 1, { outputNames: ['said'] });
  b.node('Not', [flag], {}, 1, { outputNames: ['not'] });
  b.output('doubled', 'float16', ['n', 2]);
  b.output('sums', 'int64', ['n', 'length']);
  b.output('said', 'string', ['words']);
  b.output('not', 'bool', []);
  return encodeModel(b.build());
}

/** BYTES in binary: each element is its length and its bytes. */
const joined = (elements: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.length);
      return [length, element];
    }),
  );

describe('a model file', () => {
  it('may have several inputs of any type and size, which pass unchanged or are refused', async () => {
    const { url } = await started('mixed.onnx', { name: 'a model' });
    const halves = Buffer.from(Uint16Array.of(float16Bits(1.5), float16Bits(-65504 / 2)).buffer);
    const ask = (words: Uint8Array[], ids: unknown = [[1, -(2 ** 40)]]) => {
      const blobs = [halves, joined(words)];
      const binary = (i: number) => ({ parameters: { binary_data_size: blobs[i]!.length } });
      const head = Buffer.from(
        JSON.stringify({
          inputs: [
            { name: 'half', shape: [1, 2], datatype: 'FP16', ...binary(0) },
            { name: 'ids', shape: [1, 2], datatype: 'INT64', data: ids },
            { name: 'text', shape: [words.length], datatype: 'BYTES', ...binary(1) },
            { name: 'flag', shape: [], datatype: 'BOOL', data: [true] },
          ],
          outputs: [
            { name: 'doubled', parameters: { binary_data: true } },
            { name: 'said', parameters: { binary_data: true } },
            { name: 'sums' },
            { name: 'not' },
          ],
        }),
      );
      const headers = { 'inference-header-content-length': String(head.length) };
      return post(`${url}/v2/models/a%20model/infer`, Buffer.concat([head, ...blobs]), headers);
    };
    const texts = ['\ufeffmark', 'é', ''].map((text) => new Uint8Array(Buffer.from(text)));
    const { status, headers, bytes } = await ask(texts);
    expect(status).toBe(200);
    const length = Number(headers.get('inference-header-content-length'));
    expect(JSON.parse(textOf(bytes.subarray(0, length)))).toMatchObject({
      outputs: [
        { name: 'doubled', datatype: 'FP16', shape: [1, 2] },
        { name: 'said', datatype: 'BYTES', shape: [3] },
        { name: 'sums', data: [2, -(2 ** 41)] },
        { name: 'not', shape: [], data: [false] },
      ],
    });
    expect([...new Uint16Array(bytes.slice(length, length + 4).buffer)]).toEqual([float16Bits(3), float16Bits(-65504)]);
    expect(Buffer.compare(bytes.subarray(length + 4), joined(texts))).toBe(0);
    for (const [word, ids, message] of [
      [Uint8Array.of(0xff), undefined, /inputs text: element 0 is not UTF-8/],
      [Uint8Array.of(0x61, 0x00), undefined, /inputs text: element 0 holds U\+0000/],
      [Uint8Array.of(0x61), [[1, 2 ** 53]], /inputs ids: data\[1\]/],
    ] as const) {
      const refused = await ask([word], ids);
      expect([refused.status, textOf(refused.bytes)]).toEqual([400, expect.stringMatching(message)]);
    }
  });

  it('gives classes by the labels and the preprocessing that are named, and says where the time went', async () => {
    const labels = await readLabels(at('labels.txt'));
    const preprocess = await readPreprocess(at('scan.yaml'));
    const { url } = await started('scans.onnx', { labels, preprocess });
    const body = JSON.stringify({
      parameters: { preprocess: true },
      inputs: [raw],
      outputs: [{ name: 'scores', parameters: { classification: 2 } }],
    });
    const { headers, bytes } = await post(`${url}/v2/models/scans/infer`, body);
    expect(JSON.parse(textOf(bytes))).toMatchObject({
      outputs: [{ data: ['101.062500:0:zero', '3.187500:2:two'] }],
    });
    const stage = (name: string): string => `${name};dur=[0-9.]+`;
    const stages = ['parse', 'preprocess', 'queue', 'run', 'top-k'].map(stage).join(', ');
    expect(headers.get('server-timing')).toMatch(new RegExp(`^${stages}$`));
  });

  it('may read and give halves', async () => {
    const b = new GraphBuilder();
    b.node('Add', [b.input('x', 'float16', ['n', 4]), 'x'], {}, 1, { outputNames: ['scores'] });
    b.output('scores', 'float16', ['n', 4]);
    await writeFile(at('halves.onnx'), encodeModel(b.build()));
    const { url } = await started('halves.onnx', { preprocess: await readPreprocess(at('scan.yaml')) });
    const outputs = [{ name: 'scores', parameters: { classification: 2 } }];
    const { body } = await infer(url!, 'halves', { parameters: { preprocess: true }, inputs: [raw], outputs });
    expect(body).toMatchObject({ outputs: [{ data: ['1.000000:0', '0.625000:3'] }] });
  });
});

describe('what is wrong is said before anything is served', () => {
  const taken = createServer();
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    port = (taken.address() as AddressInfo).port;
    await mkdir(at('folder.onnx'));
    await writeFile(at('empty.onnx'), '');
    await writeFile(at('text.onnx'), 'this is a text about models');
    await writeFile(at('cut.onnx'), linearModel(1).subarray(0, 150));
    await writeFile(at('two.txt'), 'zero\none\n');
    await writeFile(at('blank.txt'), '\n\n');
    await writeFile(at('bytes.txt'), Uint8Array.of(0x61, 0xff, 0x0a));
    await writeFile(at('typo.yaml'), 'input: { kind: picture }\nstep: []\n');
    const image = 'input: { kind: image }\nsteps: []\n';
    await writeFile(at('shape.yaml'), `${image}output: { layout: CHW, shape: [3, 8, 8] }\n`);
    await writeFile(at('data.txt'), 'keep me');
  });
  afterAll(() => new Promise((resolve) => taken.close(resolve)));

  const socket = (name: string): (() => Promise<unknown>) => {
    return () => started('scans.onnx', { socket: at(name), tcp: null });
  };
  const cases: [string, () => Promise<unknown>, string, RegExp][] = [
    ['no such file', () => started('none.onnx'), 'FILE_MISSING', /none\.onnx': there is no such file/],
    ['a folder', () => started('folder.onnx'), 'FILE_MISSING', /it is no file/],
    ['an empty file', () => started('empty.onnx'), 'MODEL_REFUSED', /empty\.onnx' cannot be read/],
    ['a text', () => started('text.onnx'), 'MODEL_REFUSED', /text\.onnx' cannot be read/],
    ['half a model', () => started('cut.onnx'), 'MODEL_REFUSED', /cut\.onnx'/],
    [
      'labels of another model',
      async () => started('scans.onnx', { labels: await readLabels(at('two.txt')) }),
      'GIVEN_UNFIT',
      /labels: there are 2, the output scores has 3 classes/,
    ],
    [
      'preprocessing of another model',
      async () => started('scans.onnx', { preprocess: await readPreprocess(at('shape.yaml')) }),
      'GIVEN_UNFIT',
      /preprocessing: inputs x: has the shape \[1, 3, 8, 8\], expected FP32 \[n, 4\]/,
    ],
    [
      'preprocessing for several inputs',
      async () => started('mixed.onnx', { preprocess: await readPreprocess(at('shape.yaml')) }),
      'GIVEN_UNFIT',
      /4 inputs \(half, ids, text, flag\)/,
    ],
    ['no preprocessing', () => readPreprocess(at('typo.yaml')), 'GIVEN_INVALID', /input.*steps.*output.*step/],
    ['no YAML', () => readPreprocess(at('cut.onnx')), 'GIVEN_INVALID', /cut\.onnx'/],
    ['blank labels', () => readLabels(at('blank.txt')), 'GIVEN_INVALID', /empty/],
    ['labels that are no text', () => readLabels(at('bytes.txt')), 'GIVEN_INVALID', /UTF-8/],
    ['another file at the socket', socket('data.txt'), 'LISTEN_FAILED', /something else than a socket is there/],
    ['no folder for the socket', socket('none/s.sock'), 'LISTEN_FAILED', /none\/s\.sock/],
    ['a long path of a socket', socket('s'.repeat(200)), 'LISTEN_FAILED', /at most 103 bytes/],
    [
      'a port that is taken',
      () => started('scans.onnx', { tcp: { host: '127.0.0.1', port } }),
      'LISTEN_FAILED',
      /something listens there already; give another with --port/,
    ],
  ];
  it.each(cases)('%s', async (_, act, code, message) => {
    await expect(act()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('on standard error in one line, and the process ends with 1', async () => {
    const server = spawned(at('none.onnx'));
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.stdout).toBe('');
    expect(server.stderr).toMatch(/^verge-agent: FILE_MISSING: cannot read the model '.*': there is no such file\n$/);
  });
});

describe('its process', () => {
  it('serves without anything else, and when told to stop answers what it has', async () => {
    const server = spawned(at('scans.onnx'));
    await server.serves();
    expect(server.stdout).toContain('input       x float32 [n, 4]');
    const { url } = server;
    expect(await server.get('/v2/health/ready')).toEqual({ status: 200, body: { ready: true } });
    expect((await server.get('/v2/models/scans')).body).toMatchObject({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 3] }],
      parameters: { model_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), preprocess: false },
    });
    const answer = await infer(url, 'scans', { inputs: [sample] });
    expect(answer).toMatchObject({ status: 200, body: { outputs: [{ shape: [1, 3], data: scoresOf(pixels, 100) }] } });
    const status = (await server.get('/v2/verge/status')).body;
    expect(status).toMatchObject({
      requests: { answered: 1, callerErrors: 0 },
      latencyMs: { p50: expect.any(Number) },
    });

    const body = JSON.stringify({ inputs: [sample] });
    const headers = { expect: '100-continue', 'content-length': body.length };
    const call = request(`${url}/v2/models/scans/infer`, { method: 'POST', headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      call.on('response', (response) => resolve(response.resume())).on('error', reject);
    });
    call.flushHeaders();
    // The server has the head of the request; its body comes when every process of the service was told to stop.
    await once(call, 'continue');
    server.signal('SIGTERM');
    await until('the log to say so', () => server.stderr.includes('stopping'));
    await until('the port to be free', () => fetch(url).then(() => false, () => true)); // prettier-ignore
    call.end(body);
    const { statusCode, headers: told } = await answered;
    expect([statusCode, told.connection]).toEqual([200, 'close']);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(runs(status['inferencePid'] as number)).toBe(false);
  });

  it('takes the place of one that was killed on its socket, and not that of one that lives', async () => {
    const path = at('s.sock');
    const first = spawned(at('scans.onnx'), '--socket', path);
    await first.serves();
    expect(first.stdout).not.toContain('http://');
    await expect(started('scans.onnx', { socket: path })).rejects.toThrow(/something listens there already/);
    await first.end();
    await started('scans.onnx', { socket: path, tcp: null });
    const status = await new Promise<number>((resolve, reject) => {
      const call = request({ socketPath: path, path: '/v2/models/scans/ready' }, (response) => {
        resolve(response.resume().statusCode!);
      });
      call.on('error', reject).end();
    });
    expect(status).toBe(200);
  });

  it('starts a model that crashed again, but never serves another content under its digest', async () => {
    await writeFile(at('changing.onnx'), linearModel(1));
    const server = spawned(at('changing.onnx'));
    await server.serves();
    const pid = async () => (await server.get('/v2/verge/status')).body['inferencePid'] as number;
    const first = await pid();
    process.kill(first, 'SIGKILL');
    await until('the process to be another one', async () => (await pid()) !== first);
    expect((await infer(server.url, 'changing', { inputs: [sample] })).status).toBe(200);
    await writeFile(at('changing.onnx'), linearModel(2));
    process.kill(await pid(), 'SIGKILL');
    await until('the log to say why', () => server.stderr.includes('has changed since it was read'));
    expect((await infer(server.url, 'changing', { inputs: [sample] })).status).toBe(503);
  });
});
