/**
 * What pruning gives in time for what it takes in multiply-accumulates: ResNet-18 at 64x64 and MobileNetV2 at 224x224 with random weights, a
 * share of the channels of each layer gone, kept counts in the blocks of this machine's kernels.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fold, pruneFilters, targetNamed } from '@verge/compression';
import { decodeModel, encodeModel, figuresOf, float32, normalise, type Model, type Tensor } from '@verge/onnx';
import { benchmarkModels, createSession, hasInt8Dot, probeHardware, profileKernels } from '@verge/runtime';
import { buildArchitecture, Random } from '@verge/training';
import { exportNetwork } from './_exported.js';
import { once, type Journal } from './_journal.js';
import { latencies } from './_latency.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

const ROUNDS = 41;
const RATIOS = [0.3, 0.5];
/** Of the unpruned network's time. */
const SHARE = 0.4;
const here = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Network {
  readonly name: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Times faster over times fewer multiply-accumulates. */
  readonly bar: number;
  /** Null where it cannot be made here, which has been said. */
  make(): Model | null;
}

const networks: readonly Network[] = [
  {
    name: 'ResNet-18 at 64x64',
    shape: [3, 64, 64],
    bar: 0.9,
    make: () => {
      if (!peerVersions(['torch', 'torchvision'])) return null;
      const file = exportNetwork({ exported: 'resnet18', name: 'ResNet-18', batch: 1 }, here);
      return normalise(decodeModel(readFileSync(file))).model;
    },
  },
  {
    name: 'MobileNetV2 at 224x224',
    shape: [3, 224, 224],
    bar: 0.85,
    make: () => buildArchitecture('mobilenetv2', { input: [3, 224, 224], classes: 1000 }),
  },
];

/** The block of this machine's kernels. */
export async function blockHere(): Promise<number> {
  if (process.arch !== 'x64') return targetNamed('raspberry-pi-5').block;
  return targetNamed(hasInt8Dot(await probeHardware()) ? 'x64-vnni' : 'x64-avx2').block;
}

export function noise(dims: readonly number[]): Tensor & { dtype: 'float32' } {
  const random = new Random(3, 'input');
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1)),
  );
}

export interface Compared {
  /** Times faster, by the fastest round of each: what else the machine does only adds. And times fewer multiply-accumulates. */
  readonly faster: number;
  readonly fewer: number;
}

/** CPU time of both in turns; prints where the time of kernels goes, for whoever wants to know why. */
export async function compared(
  name: string,
  source: Model,
  smaller: Model,
  shape: readonly number[],
): Promise<Compared> {
  const input = source.graph.inputs.find(({ name: one }) => !source.graph.initializers.has(one))!.name;
  const feeds = { [input]: noise([1, ...shape]) };
  const models = new Map([source, smaller].map((model, i) => [`${i}`, encodeModel(model)]));
  const times = await latencies(models, feeds, ROUNDS);
  const [before, after] = [times.get('0')!, times.get('1')!];
  const samples = { [input]: shape };
  const [macs, left] = [source, smaller].map((model) => figuresOf(model, { samples }).macs!) as [number, number];
  const found = { faster: Math.min(...before) / Math.min(...after), fewer: macs / left };
  console.log(
    `  ${name}: ${Math.min(...before).toFixed(2)} -> ${Math.min(...after).toFixed(2)} CPU ms, ${(macs / 1e6).toFixed(1)} -> ${(left / 1e6).toFixed(1)} M MACs`,
  );
  for (const [key, bytes] of models) {
    const byOp = new Map<string, number>();
    for (const { op, milliseconds } of await profileKernels(bytes, feeds))
      byOp.set(op, (byOp.get(op) ?? 0) + milliseconds);
    const parts = [...byOp].sort((a, b) => b[1] - a[1]).slice(0, 5);
    console.log(
      `    ${key === '0' ? 'before' : 'after'}: ${parts.map(([op, ms]) => `${op} ${ms.toFixed(3)} ms`).join(', ')}`,
    );
  }
  return found;
}

/** What is asked for: a share of the channels of each layer, or of the time, spread by sensitivity over what the kernels of each layer take. */
type Asked = { readonly ratio: number } | { readonly latency: number };

async function pruned(model: Model, shape: readonly number[], asked: Asked): Promise<Model> {
  const size = shape.reduce((a, b) => a * b, 1);
  const train = { x: noise([4, size]).data, shape, y: new Int32Array(4), labels: [], name: 'noise' };
  const fineTune = { epochs: 0, batchSize: 4, seed: 1, optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } } as const; // prettier-ignore
  const scope = 'latency' in asked ? 'sensitivity' : 'layer';
  const how = { ...asked, scope, importance: 'magnitude', norm: 2, scoreBatches: 1 } as const;
  const target = { arch: process.arch as 'x64' | 'arm64', threads: 1 };
  const options = { ...how, multiple: await blockHere(), fineTune, target };
  const clock = { timeKernels: profileKernels, benchmark: benchmarkModels };
  const made = await pruneFilters(model, options, { createSession, ...clock, train, validation: train });
  for (const note of made.notes ?? []) console.log(`    ${note}`);
  return made.model;
}

const ways: readonly { readonly name: string; readonly asked: Asked }[] = [
  ...RATIOS.map((ratio) => ({ name: `${100 * ratio} % of the channels gone`, asked: { ratio } })),
  { name: `to ${SHARE} of its time by the times of its kernels`, asked: { latency: SHARE } },
];

export async function prunedRows(journal: Journal): Promise<Row[]> {
  const only = process.env['VERGE_BENCH_NETWORKS']?.split(',');
  const rows: Row[] = [];
  for (const { name, shape, bar, make } of networks) {
    if (only && !only.some((part) => name.includes(part))) continue;
    let made: Promise<Model> | undefined;
    for (const { name: way, asked } of ways) {
      const work = `${name}, ${way}: times faster`;
      rows.push(
        ...(await once(journal, work, async () => {
          const model = made ? null : make();
          if (model) made = fold(model, createSession).then((folded) => folded.model);
          if (!made) return null;
          const source = await made;
          const { faster, fewer } = await compared(work, source, await pruned(source, shape, asked), shape);
          const peerName = 'times fewer multiply-accumulates';
          // Never slower than it was, whatever the counts say.
          const reached = faster < 1 ? 0 : faster / fewer;
          return { unit: 'x', ours: faster, peer: fewer, peerName, ratio: reached, bar };
        })),
      );
    }
  }
  return rows;
}
