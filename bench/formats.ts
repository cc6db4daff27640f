/** Number formats: what float16, dynamic int8 and weights in blocks cost in accuracy and bytes, beside ONNX Runtime's own tools. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { float16, quantizeDynamic, quantizeWeights, type PassContext, type PassResult } from '@verge/compression';
import { Random } from '@verge/data';
import { decodeModel, encodeModel, float32, int64, normalise, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { python, peerVersions } from './_python.js';
import type { Row } from './_row.js';

/** Amplitudes of noise, and bytes: a few names more are no matter. */
const BAR = 0.95;
const NETWORKS = ['bert', 'gpt2', 'llama', 'lstm', 'vit_tiny', 'resnet18'];
const target = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true } as const;

interface Fed {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Random numbers or words for the one input, the same in every run. */
function fedTo({ graph }: Model, seed: number): Fed {
  const input = graph.inputs.find(({ name }) => !graph.initializers.has(name))!;
  const random = new Random(seed);
  if (input.type?.kind !== 'tensor') throw new TypeError(`'${input.name}' is no tensor`);
  const dims = (input.type.shape ?? []).map(Number);
  const count = dims.reduce((a, b) => a * b, 1);
  const whole = input.type.dtype === 'int64';
  const numbers = Array.from({ length: count }, () => (whole ? Math.floor(random.unit() * 500) : random.symmetric(1)));
  return { name: input.name, tensor: whole ? int64(dims, numbers) : float32(dims, numbers) };
}

async function outputOf(bytes: Uint8Array, { name, tensor }: Fed): Promise<Float32Array> {
  const session = await createSession(bytes);
  try {
    return Object.values(await session.run({ [name]: tensor }))[0]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

function decibels(exact: Float32Array, got: Float32Array): number {
  let [signal, noise] = [0, 0];
  exact.forEach((v, i) => {
    signal += v * v;
    noise += (v - got[i]!) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

function contextOf({ tensor }: Fed): PassContext {
  const count = tensor.dims[0]!;
  const x = Float32Array.from(tensor.data as Iterable<number | bigint>, Number);
  const train = { x, shape: tensor.dims.slice(1), y: new Int32Array(count), labels: [], name: 'random' };
  return { createSession, train, validation: train };
}

const FORMATS: Readonly<Record<string, (model: Model, context: PassContext) => Promise<PassResult>>> = {
  float16: (model, context) => float16(model, { mode: 'all', samples: 64, keep: [] }, context),
  dynamic: (model, context) => quantizeDynamic(model, { scale: 'channel', lstm: true, keep: [] }, target, context),
  blocks: (model, context) =>
    quantizeWeights(
      model,
      {
        bits: 4,
        blockSize: 32,
        symmetric: false,
        scale: 'least-squares',
        rounding: 'nearest',
        samples: 64,
        accuracyLevel: 4,
        embeddings: false,
        keep: [],
      },
      context,
    ),
};

async function rowsOf(folder: string, network: string, version: string): Promise<Row[]> {
  const bytes = new Uint8Array(readFileSync(join(folder, `${network}.onnx`)));
  const { model } = normalise(decodeModel(bytes));
  const fed = fedTo(model, 5);
  const exact = await outputOf(bytes, fed);
  const rows: Row[] = [];
  for (const [format, make] of Object.entries(FORMATS)) {
    const file = join(folder, `${network}.${format}.onnx`);
    const made = await make(model, contextOf(fedTo(model, 7))).catch((error: Error) => error);
    if (made instanceof Error || !existsSync(file)) {
      console.log(
        `  ${network}: ${format}: ${made instanceof Error ? made.message.slice(0, 160) : 'the peer has none'}`,
      );
      continue;
    }
    const [ours, theirs] = [encodeModel(made.model), new Uint8Array(readFileSync(file))];
    const peer = await outputOf(theirs, fed).then((got) => decibels(exact, got), (error: Error) => error); // prettier-ignore
    const dB = decibels(exact, await outputOf(ours, fed));
    if (peer instanceof Error) {
      console.log(`  ${network}: ${format}: ours ${dB.toFixed(1)} dB; the peer's does not run: ${peer.message.slice(0, 160)}`); // prettier-ignore
      continue;
    }
    const peerName = `ONNX Runtime ${version} (Python)`;
    const row = (what: string, unit: string, a: number, b: number, ratio: number): void => {
      rows.push({ work: `${network}, ${format}: ${what}`, unit, ours: a, peer: b, peerName, ratio, bar: BAR, ok: ratio >= BAR }); // prettier-ignore
    };
    // What leaves more weights in floats has less noise, and is no peer in that.
    if (theirs.byteLength < 1.1 * ours.byteLength && Number.isFinite(peer))
      row('signal to noise of the output', 'dB', dB, peer, 10 ** ((dB - peer) / 20));
    else console.log(`  ${network}: ${format}: ours ${dB.toFixed(1)} dB; the peer leaves more in floats: ${peer.toFixed(1)} dB`); // prettier-ignore
    row('file', 'B', ours.byteLength, theirs.byteLength, theirs.byteLength / ours.byteLength);
  }
  return rows;
}

export async function run(): Promise<Row[]> {
  const versions = peerVersions(['torch', 'torchvision', 'timm', 'transformers', 'onnx', 'onnxruntime']);
  if (!versions) return [];
  const given = process.env['VERGE_BENCH_FOLDER'];
  const folder = given ?? mkdtempSync(join(tmpdir(), 'verge-formats-'));
  try {
    const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'formats-peer.py');
    if (!existsSync(join(folder, `${NETWORKS.at(-1)!}.onnx`)))
      execFileSync(python, ['-W', 'ignore', script, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
    const rows: Row[] = [];
    for (const network of NETWORKS) rows.push(...(await rowsOf(folder, network, versions['onnxruntime']!)));
    return rows;
  } finally {
    if (!given) rmSync(folder, { recursive: true });
  }
}
