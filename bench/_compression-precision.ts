/** Precision part by part: the mixed plan beside all of float32 and all of int8, in turns, one thread. */
import { readFileSync } from 'node:fs';
import { fold, quantizeStatic } from '@verge/compression';
import { RecipePass, type UnitReport } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { decodeModel, encodeModel, normalise, type Model } from '@verge/onnx';
import { benchmarkModels, createSession, profileKernels } from '@verge/runtime';
import { sizesOf } from '@verge/training';
import { networks, type Network } from './_compression-networks.js';
import { once, type Journal } from './_journal.js';
import type { Row } from './_row.js';

const TARGET = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true } as const;
const SAMPLES = 64;

/** The latency that is to be reached, as a share of float32's. */
const BARS: Readonly<Record<string, number>> = {
  vww_mobilenetv1_025_96_fp32: 0.85,
  ad01_autoencoder_fp32: 1,
  'mobilenet_v1_0.25_224_fp32': 0.72,
  resnet8_cifar10_fp32: 1,
  dscnn_kws_fp32: 1,
  mobilenet_v2_keras_coral_fp32_restored: 0.43,
};

interface Made {
  readonly float32: Model;
  readonly int8: Model;
  readonly mixed: Model;
  readonly units: readonly UnitReport[];
  readonly notes: readonly string[];
}

async function made(bytes: Uint8Array, train: Samples): Promise<Made> {
  const context = { createSession, train, validation: train, benchmark: benchmarkModels, timeKernels: profileKernels };
  const { model: float32 } = await fold(normalise(decodeModel(bytes)).model, createSession);
  const quantized = (precision: 'int8' | 'auto') => {
    const pass = RecipePass.parse({ pass: 'quantize-static', samples: SAMPLES, precision });
    if (pass.pass !== 'quantize-static') throw new TypeError(pass.pass);
    return quantizeStatic(float32, pass, TARGET, context);
  };
  const { model: int8 } = await quantized('int8');
  const { model: mixed, units = [], notes = [] } = await quantized('auto');
  return { float32, int8, mixed, units, notes };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Times of models in turns; the median over several measurements of each one's share of the first's. */
async function shares(models: readonly Model[], samples: Samples): Promise<{ ms: number[]; share: number[] }> {
  const files = models.map(encodeModel);
  // A plan that is one of the two takes as long as that, whatever chance says.
  const place = files.map((file) => files.findIndex((other) => Buffer.compare(file, other) === 0));
  const rounds: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const figures = await benchmarkModels(files, { threads: 1, rounds: 25, feeds: sizesOf(samples, {}) });
    rounds.push(place.map((k) => figures[k]!.p50Ms));
  }
  const ms = models.map((_, k) => median(rounds.map((round) => round[k]!)));
  return { ms, share: models.map((_, k) => median(rounds.map((round) => round[k]! / round[0]!))) };
}

function printed({ units, notes }: Made): void {
  for (const note of notes) console.log(`    ${note}`);
  for (const u of units.filter((unit) => unit.precision === 'float32'))
    console.log(`    float32 ${u.node}: ${u.float32Ms?.toFixed(4)} ms, int8 ${u.int8Ms?.toFixed(4)} ms: ${u.reason}`);
}

async function rowsOf({ name, path, samples }: Network, journal: Journal): Promise<Row[]> {
  let measured: Promise<{ ms: number[]; share: number[] }> | undefined;
  const measure = async (): Promise<{ ms: number[]; share: number[] }> => {
    const { calibration } = await samples(SAMPLES);
    const all = await made(readFileSync(path), calibration);
    printed(all);
    return shares([all.float32, all.int8, all.mixed], calibration);
  };
  const row = (peer: 0 | 1, bar: number) => async () => {
    const { ms, share } = await (measured ??= measure());
    const ratio = share[peer]! / share[2]!;
    const peerName = peer === 0 ? 'all in float32' : 'all in int8';
    return { unit: 'ms', ours: ms[2]!, peer: ms[peer]!, peerName, ratio, bar };
  };
  const what = `${name}, precision part by part: latency`;
  return [
    ...(await once(journal, `${what} against float32`, row(0, 1 / BARS[name]!))),
    ...(await once(journal, `${what} against int8`, row(1, 1))),
  ];
}

export async function precisionRows(journal: Journal): Promise<Row[]> {
  if (process.arch !== 'x64') {
    console.log('  skipped: the plan by time is of x64');
    return [];
  }
  const only = process.env['VERGE_BENCH_NETWORKS']?.split(',');
  const rows: Row[] = [];
  for (const network of networks())
    if (network.name in BARS && (!only || only.some((part) => network.name.includes(part))))
      rows.push(...(await rowsOf(network, journal)));
  return rows;
}
