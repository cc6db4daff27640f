/** int8 by default settings from 64 samples without labels, beside the best of ONNX Runtime's calibrators on the same samples. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fold, quantizeStatic } from '@verge/compression';
import { Recipe, type RecipePass } from '@verge/contracts';
import { encodeNpy, type Samples } from '@verge/data';
import { decodeModel, encodeModel, normalise } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { decibels, outputsOf } from './_compression-likeness.js';
import { networks, type Network } from './_compression-networks.js';
import { once, type Journal } from './_journal.js';
import { python, peerVersions } from './_python.js';
import type { Row } from './_row.js';

export const SAMPLES = 64;
const METHODS = ['MinMax', 'Entropy', 'Percentile'] as const;

/** The x64 class without any setting. */
const TARGET = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true } as const;

/** What the default recipe makes of a model. */
export async function quantized(bytes: Uint8Array, train: Samples, more: object = {}): Promise<Uint8Array> {
  const { model } = normalise(decodeModel(bytes));
  const context = { createSession, train, validation: train };
  const { model: folded } = await fold(model, createSession);
  const { passes } = Recipe.parse({ name: 'int8', passes: [{ pass: 'quantize-static', ...more }] });
  const pass = passes[0] as Extract<RecipePass, { pass: 'quantize-static' }>;
  return encodeModel((await quantizeStatic(folded, pass, TARGET, context)).model);
}

interface Peer {
  readonly model: Uint8Array;
  /** CPU seconds. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
}

const PEER = join(dirname(fileURLToPath(import.meta.url)), '..', 'quantizer-peer.py');

/** What ONNX Runtime's tool makes of a model; null, with the reason said, where it fails. */
export function peerOf(path: string, { x, shape, y }: Samples, method: (typeof METHODS)[number]): Peer | null {
  const folder = mkdtempSync(join(tmpdir(), 'verge-quantizer-'));
  try {
    const [samples, out] = [join(folder, 'samples.npy'), join(folder, 'out.onnx')];
    writeFileSync(samples, encodeNpy({ dtype: 'float32', dims: [y.length, ...shape], data: x as Float32Array }));
    const printed = execFileSync(python, ['-W', 'ignore', PEER, path, samples, method, out], {
      encoding: 'utf8',
      // Where its shape inference leaves a file when it fails.
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    });
    const used = JSON.parse(printed.trim().split('\n').at(-1)!) as { cpu: number; memory: number };
    return { model: readFileSync(out), ...used };
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr ?? String(cause);
    console.log(`    ONNX Runtime's ${method} fails: ${said.trim().split('\n').at(-1)}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Likeness {
  readonly outputs: number;
  readonly scores: number;
}

async function compared(bytes: Uint8Array, given: Uint8Array, test: Samples): Promise<Likeness> {
  const both = async (scores: boolean): Promise<number> =>
    decibels(await outputsOf(bytes, test, scores), await outputsOf(given, test, scores));
  return { outputs: await both(false), scores: await both(true) };
}

async function rowsOf({ name, path, samples }: Network, version: string, journal: Journal): Promise<Row[]> {
  const bytes = readFileSync(path);
  const softmax = decodeModel(bytes).graph.nodes.some((n) => n.op === 'Softmax');
  const kinds = softmax ? (['scores', 'outputs'] as const) : (['outputs'] as const);
  let measured: Promise<{ ours: Likeness; peers: Map<string, Likeness> }> | undefined;
  const measure = async () => {
    const { calibration, test } = await samples(SAMPLES);
    const ours = await compared(bytes, await quantized(bytes, calibration), test);
    const peers = new Map<string, Likeness>();
    for (const method of METHODS) {
      const peer = peerOf(path, calibration, method);
      if (peer) peers.set(method, await compared(bytes, peer.model, test));
    }
    return { ours, peers };
  };
  const rows: Row[] = [];
  for (const kind of kinds) {
    const what = kind === 'scores' ? 'scores before the Softmax' : 'outputs';
    rows.push(
      ...(await once(journal, `${name}, int8 by default: SQNR of the ${what}`, async () => {
        const { ours, peers } = await (measured ??= measure());
        const best = [...peers].sort((a, b) => b[1][kind] - a[1][kind])[0];
        if (!best) return null;
        const [method, peer] = best;
        const ratio = 10 ** ((ours[kind] - peer[kind]) / 20);
        const peerName = `ONNX Runtime ${version}, ${method}`;
        return { unit: 'dB', ours: ours[kind], peer: peer[kind], peerName, ratio, bar: 1 };
      })),
    );
  }
  return rows;
}

export async function ptqRows(journal: Journal): Promise<Row[]> {
  const versions = peerVersions(['onnxruntime', 'onnx', 'sympy']);
  if (!versions) return [];
  const only = process.env['VERGE_BENCH_NETWORKS']?.split(',');
  const rows: Row[] = [];
  for (const network of networks())
    if (!only || only.some((part) => network.name.includes(part)))
      rows.push(...(await rowsOf(network, versions['onnxruntime']!, journal)));
  return rows;
}
