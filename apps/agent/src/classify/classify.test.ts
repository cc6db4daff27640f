/** `verge-agent classify`: from a file, and from a server on a real socket. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeModel, GraphBuilder, int } from '@verge/onnx';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requireBuild } from '../../tests/agent-process.js';
import { linearModel, scoresOf } from '../../tests/artifacts.js';
import { bitmap } from '../../tests/bitmap.js';
import { givenFor } from '../serve/given-files.js';
import { FileServer } from '../serve/serve.js';
import { askFile, askServer, type Answerer } from './ask.js';
import { classify, linesOf } from './classify.js';

let dir: string;
const at = (name: string): string => join(dir, name);
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  requireBuild();
  dir = await mkdtemp(join(tmpdir(), 'verge-classify-'));
  await writeFile(at('scans.onnx'), linearModel(100));
  await writeFile(at('labels.txt'), 'zero\none: a ring\ntwo\n');
  const steps = '[{ op: color, to: gray }, { op: scale, scale: 0.0625 }]';
  const output = '{ layout: N, shape: [4] }';
  await writeFile(at('image.yaml'), `input: { kind: image }\nsteps: ${steps}\noutput: ${output}\n`);
  await writeFile(at('scan.bmp'), bitmap([[8, 4], [0, 4]])); // prettier-ignore
  await writeFile(at('text.bmp'), 'this is a text about images');
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const kept = <T extends Answerer>(answerer: T): T => {
  ends.push(() => answerer.close());
  return answerer;
};

/** A server of the scans, and what asks it. */
async function served(options: { preprocess?: string; labels?: string }): Promise<FileServer> {
  const given = await givenFor(at('scans.onnx'), options);
  const log = pino({ enabled: false });
  const socket = at('s.sock');
  const where = { path: at('scans.onnx'), tcp: { host: '127.0.0.1', port: 0 }, socket };
  const server = await FileServer.start({ ...given, ...where, threads: 1, bodyBytes: 10_000, log });
  ends.push(() => server.stop());
  return server;
}

const scores = scoresOf([0.5, 0.25, 0, 0.25], 100);
const best = [
  { score: scores[0], index: 0, label: 'zero' },
  { score: scores[2], index: 2, label: 'two' },
  { score: scores[1], index: 1, label: 'one: a ring' },
];

describe('a photograph', () => {
  it('is classified the same by a file and by a server, on TCP and on a socket', async () => {
    const given = { preprocess: at('image.yaml'), labels: at('labels.txt') };
    const server = await served(given);
    const answerers = [
      kept(await askServer({ url: server.url! })),
      kept(await askServer({ socketPath: at('s.sock') })),
      kept(await askFile(at('scans.onnx'), { ...(await givenFor(at('scans.onnx'), given)), threads: 1 })),
    ];
    for (const answerer of answerers) {
      const found = await classify(answerer, at('scan.bmp'), 3);
      expect(found).toMatchObject({ file: at('scan.bmp'), model: 'scans', output: 'scores', classes: best });
      expect(found.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      const { all, ...stages } = found.ms;
      expect(Object.keys(stages)).toEqual(['parse', 'decode', 'preprocess', 'queue', 'run', 'top-k']);
      // All of them lie within the whole, each rounded to a microsecond.
      expect(Object.values(stages).reduce((a, b) => a + b, 0)).toBeLessThan(all + 0.01);
      const [head, first, , third, times] = linesOf(found);
      expect([head, first]).toEqual([`${at('scan.bmp')} by scans`, '  101.000000  0  zero']);
      expect(third).toBe('  2.000000  1  one: a ring');
      expect(times).toMatch(/^ {2}parse .* ms, decode .* ms, .*, all [0-9.]+ ms$/);
    }
  });

  it('is refused by name where it is none, and where the model says no class or makes no tensor of it', async () => {
    const server = await served({ preprocess: at('image.yaml') });
    const asked = kept(await askServer({ url: server.url! }));
    await expect(classify(asked, at('text.bmp'), 1)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(classify(asked, at('none.jpg'), 1)).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(classify(asked, at('scan.bmp'), 1)).resolves.toMatchObject({ classes: [{ label: null }] });
    await server.stop();
    await expect(askServer({ url: server.url! })).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining(server.url!),
    });
    const bare = kept(await askFile(at('scans.onnx'), { ...(await givenFor(at('scans.onnx'), {})), threads: 1 }));
    await expect(classify(bare, at('scan.bmp'), 1)).rejects.toThrow(/carries no preprocessing/);
  });

  it('may have its class from the model itself, as from a tree', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['n', 4]);
    b.node('ArgMax', ['x'], { axis: int(1), keepdims: int(0) }, 1, { outputNames: ['label'] });
    b.output('label', 'int64', ['n']);
    await writeFile(at('tree.onnx'), encodeModel(b.build()));
    const given = await givenFor(at('tree.onnx'), { preprocess: at('image.yaml') });
    const found = await classify(kept(await askFile(at('tree.onnx'), { ...given, threads: 1 })), at('scan.bmp'), 5);
    expect(found.classes).toEqual([{ score: null, index: null, label: '0' }]);
  });
});

describe('the command', () => {
  const bin = fileURLToPath(new URL('../../bin/verge-agent.mjs', import.meta.url));
  const run = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const env = { ...process.env, VERGE_AGENT_DIR: at('no-agent') };
    const child = spawn(process.execPath, [bin, 'classify', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  };

  it('prints a line for each file, and goes on behind one that is no photograph', async () => {
    const model = ['--model', at('scans.onnx'), '--preprocess', at('image.yaml'), '--labels', at('labels.txt')];
    const { code, stdout, stderr } = await run(at('text.bmp'), at('scan.bmp'), '--json', '--top', '1', ...model);
    expect(JSON.parse(stdout)).toMatchObject({ file: at('scan.bmp'), classes: [{ index: 0, label: 'zero' }] });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^verge-agent: .*text\.bmp: REQUEST_INVALID: .*\n$/)]);
  });

  it('says which options do not go together', async () => {
    const { code, stderr } = await run(at('scan.bmp'), '--labels', at('labels.txt'));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/--labels: .* go with --model FILE/)]);
  });
});
