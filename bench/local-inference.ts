/** Local inference over REST (binary tensors, Unix socket and TCP, agent in its own process) against in-process run(). */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api, observationOf, Serving, TelemetryWindow } from '@verge/agent';
import type { ArtifactManifest } from '@verge/contracts';
import { decodeModel, encodeModel, float32, GraphBuilder, type Tensor } from '@verge/onnx';
import { openSession } from '@verge/runtime';
import { pino } from 'pino';
import type { Row } from './_row.js';

interface Work {
  name: string;
  model: Uint8Array;
  /** Of one sample, batch included. */
  input: { name: string; shape: number[] };
  output: { name: string; shape: number[] };
  rounds: number;
  /** Of in-process over REST, Unix socket; TCP may cost a tenth more. */
  bar: number;
}

/** 64 -> 32 -> 10: about 7 microseconds in process, so the row shows what the way there and back costs. */
function tinyMlp(): Work {
  const builder = new GraphBuilder();
  const weights = (rows: number, columns: number): string =>
    builder.constant(
      float32(
        [rows, columns],
        Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i) / 8),
      ),
    );
  builder.input('x', 'float32', ['batch', 64]);
  const hidden = builder.node('Relu', [builder.node('MatMul', ['x', weights(64, 32)])]);
  builder.node('MatMul', [hidden, weights(32, 10)], {}, 1, { outputNames: ['y'] });
  builder.output('y', 'float32', ['batch', 10]);
  const model = encodeModel(builder.build());
  const input = { name: 'x', shape: [1, 64] };
  return { name: 'tiny MLP', model, input, output: { name: 'y', shape: [1, 10] }, rounds: 3000, bar: 0.03 };
}

async function mobileNet(): Promise<Work | null> {
  const folder = process.env['VERGE_DATA'];
  if (!folder) {
    console.log('  VERGE_DATA is not set: MobileNetV2 is skipped');
    return null;
  }
  const path = join(folder, 'mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx');
  const model = await readFile(path).catch(() => null);
  if (!model) {
    console.log(`  ${path} is missing: MobileNetV2 is skipped`);
    return null;
  }
  const { inputs, outputs } = decodeModel(model).graph;
  const input = { name: inputs[0]!.name, shape: [1, 3, 224, 224] };
  return {
    name: 'MobileNetV2',
    model,
    input,
    output: { name: outputs[0]!.name, shape: [1, 1001] },
    rounds: 120,
    bar: 0.6,
  };
}

function manifestOf(work: Work): ArtifactManifest {
  const digest = `sha256:${createHash('sha256').update(work.model).digest('hex')}`;
  const free = (shape: number[]): number[] => [-1, ...shape.slice(1)];
  return {
    schema: 'verge.artifact/1',
    model: 'bench',
    version: 1,
    deviceClass: 'bench',
    task: 'classification',
    createdAt: '2025-01-01T00:00:00Z',
    files: [{ path: 'model.onnx', role: 'model', digest, bytes: work.model.length }],
    inputs: [{ name: work.input.name, dtype: 'float32', shape: free(work.input.shape) }],
    outputs: [{ name: work.output.name, dtype: 'float32', shape: free(work.output.shape) }],
    preprocess: null,
    labels: [],
    measurement: {
      bytes: work.model.length,
      parameters: 0,
      macs: 0,
      accuracy: 0,
      samples: 0,
      p50Ms: 0,
      p95Ms: 0,
      peakRssBytes: 0,
      threads: 1,
      runs: 1,
      machine: 'bench',
    },
  };
}

/** The agent's side, in its own process: the whole path of a request, telemetry included. */
async function serve(folder: string): Promise<void> {
  const log = pino({ enabled: false });
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as ArtifactManifest;
  const serving = new Serving({ threads: 1, onCrash: () => undefined, log });
  await serving.activate({ digest: `sha256:${'0'.repeat(64)}`, manifest, folder });
  const window = new TelemetryWindow(Date.now());
  const api = new Api({
    serving,
    record: (seen) => {
      const observation = observationOf(seen);
      if (observation) window.add(observation);
    },
    status: () => Promise.resolve({}),
    bodyBytes: 64 * 1024 * 1024,
    log,
  });
  const url = await api.listenTcp('127.0.0.1', 0);
  await api.listenUnix(join(folder, 'api.sock'));
  process.stdout.write(`${url}\n`);
  process.stdin.resume();
  await once(process.stdin, 'end');
  await Promise.all([api.close(), serving.close()]);
  process.exit(0);
}

type Where = { socketPath: string } | { host: string; port: string };

/** One request with binary tensors both ways. @returns the output's bytes */
function infer(where: Where, agent: Agent, body: Buffer, headerLength: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...where,
        agent,
        path: '/v2/models/bench/infer',
        method: 'POST',
        headers: { 'content-length': body.length, 'inference-header-content-length': headerLength },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const answer = Buffer.concat(parts);
          if (response.statusCode === 200) {
            resolve(answer.subarray(Number(response.headers['inference-header-content-length'])));
          } else reject(new Error(answer.toString('utf8')));
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function measure(work: Work): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'verge-bench-'));
  await writeFile(join(folder, 'model.onnx'), work.model);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifestOf(work)));
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const session = await openSession(work.model, { threads: 1 });
  const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const url = await new Promise<URL>((resolve, reject) => {
      child.stdout.once('data', (part: Buffer) => resolve(new URL(part.toString().trim())));
      child.once('exit', (code) => reject(new Error(`the serving process ended with ${code}`)));
    });
    const count = work.input.shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    const feeds: Record<string, Tensor> = { [work.input.name]: float32(work.input.shape, data) };
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ ...work.input, datatype: 'FP32', parameters: { binary_data_size: data.byteLength } }],
      }),
    );
    const body = Buffer.concat([json, Buffer.from(data.buffer)]);
    const unix = () => infer({ socketPath: join(folder, 'api.sock') }, keepAlive, body, json.length);
    const tcp = () => infer({ host: url.hostname, port: url.port }, keepAlive, body, json.length);
    const local = () => session.run(feeds);
    await sameAnswer(work, await unix(), await local());
    const times = { unix: [] as number[], tcp: [] as number[], local: [] as number[] };
    for (let i = 0; i < work.rounds; i++) {
      // In turn, so that a busy machine slows all of them.
      times.local.push(await timed(local));
      times.unix.push(await timed(unix));
      times.tcp.push(await timed(tcp));
    }
    const peer = median(times.local);
    return (['unix', 'tcp'] as const).map((way) => {
      const ours = median(times[way]);
      const bar = way === 'unix' ? work.bar : work.bar * 0.9;
      const where = way === 'unix' ? 'Unix socket' : 'TCP';
      const ratio = peer / ours;
      return {
        work: `${work.name}, ${where}`,
        unit: 'ms',
        ours,
        peer,
        peerName: 'in-process run()',
        ratio,
        bar,
        ok: ratio >= bar,
      };
    });
  } finally {
    child.removeAllListeners('exit');
    child.stdin.end();
    keepAlive.destroy();
    await session.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A fast wrong answer is no answer: bit for bit the same, since it is the same kernel. */
function sameAnswer(work: Work, bytes: Buffer, outputs: Record<string, Tensor>): void {
  const expected = outputs[work.output.name]!.data as Float32Array;
  const same = Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength).equals(bytes);
  if (!same) throw new Error(`${work.name}: the answer over REST is not the one in process`);
}

export async function run(): Promise<Row[]> {
  const rows = await measure(tinyMlp());
  const net = await mobileNet();
  if (net) rows.push(...(await measure(net)));
  return rows;
}

if (process.argv[2] === 'serve' && process.argv[3]) await serve(process.argv[3]);
