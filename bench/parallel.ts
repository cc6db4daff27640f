/** Two cores in parallel: replicas, a pipeline of processes, and what local SGD sends, against one process or every step. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeModel, float32, type Model, type Tensor } from '@verge/onnx';
import { loadDigits, splitSamples } from '@verge/data';
import { openReplicas, openSession, Pipeline, stagesOf } from '@verge/runtime';
import {
  buildArchitecture,
  encodeVectors,
  fit,
  type FitOptions,
  type LocalOptions,
  LocalRun,
  Random,
  runRound,
  type TrainingSamples,
} from '@verge/training';
import type { Row } from './_row.js';

const ROUNDS = 5;
const CORES = 2;

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Lower is better. */
function faster(
  work: string,
  unit: string,
  [ours, peer]: readonly [number, number],
  peerName: string,
  bar: number,
): Row {
  const ratio = peer / ours;
  return { work, unit, ours, peer, peerName, ratio, bar, ok: ratio >= bar };
}

function noise(count: number, shape: readonly number[]): TrainingSamples {
  const random = new Random(1, 'bench');
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    x: Float32Array.from({ length: count * size }, () => random.uniform()),
    shape,
    y: Int32Array.from({ length: count }, () => random.below(10)),
  };
}

interface StepCost {
  readonly ms: number;
  /** Of all threads of this process. */
  readonly cpuMs: number;
}

/** What a step of the second epoch takes: the first one warms up. */
async function stepCost(options: FitOptions, steps: number): Promise<StepCost> {
  const at: StepCost[] = [];
  const onProgress = (): void => {
    const { user, system } = process.cpuUsage();
    at.push({ ms: performance.now(), cpuMs: (user + system) / 1000 });
  };
  await fit({ ...options, onProgress });
  return { ms: (at[1]!.ms - at[0]!.ms) / steps, cpuMs: (at[1]!.cpuMs - at[0]!.cpuMs) / steps };
}

interface Case {
  readonly what: string;
  readonly input: readonly number[];
  readonly params: Record<string, number[]>;
  readonly batch: number;
  readonly steps: number;
  readonly bar: number;
}

const cases: readonly Case[] = [
  { what: 'digits teacher', input: [1, 8, 8], params: { channels: [16, 32, 64] }, batch: 128, steps: 30, bar: 0.8 },
  { what: 'ResNet at 32x32', input: [3, 32, 32], params: { channels: [16, 32, 64] }, batch: 64, steps: 4, bar: 0.9 },
];

async function replicaRows({ what, input, params, batch, steps, bar }: Case): Promise<Row[]> {
  const options: FitOptions = {
    model: buildArchitecture('resnet', { input, classes: 10, params }),
    createSession: openSession,
    train: noise(batch * steps, input),
    validation: noise(1, input),
    epochs: 2,
    batchSize: batch,
    optimizer: { name: 'adamw', learningRate: 1e-3 },
  };
  const [two, threads, one]: [StepCost[], StepCost[], StepCost[]] = [[], [], []];
  // In turn, so that a busy machine slows all.
  for (let i = 0; i < ROUNDS; i++) {
    two.push(await stepCost({ ...options, parallel: { replicas: CORES, openReplicas } }, steps));
    threads.push(await stepCost({ ...options, threads: CORES }, steps));
    one.push(await stepCost({ ...options, threads: 1 }, steps));
  }
  const wall = (costs: StepCost[]): number => median(costs.map((c) => c.ms));
  const cpu = (costs: StepCost[]): number => median(costs.map((c) => c.cpuMs));
  const work = `step of the ${what}, batch ${batch}, ${CORES} replicas`;
  return [
    faster(work, 'ms', [wall(two), wall(threads)], `one process, ${CORES} intra-op threads`, bar),
    faster(work, 'ms', [wall(two), wall(one)], 'one process, one thread', 1.2),
    // What dividing the work costs, whoever else uses the machine: 1 would be nothing.
    faster(work, 'CPU ms', [cpu(two), cpu(one)], 'one process, one thread', 0.65),
  ];
}

async function pipelineRows(path: string): Promise<Row[]> {
  const model: Model = decodeModel(readFileSync(path));
  const parts = stagesOf(model, { stages: CORES });
  const pipeline = await Pipeline.open(parts.stages, parts.outputs);
  const [one, threads] = [
    await openSession(readFileSync(path)),
    await openSession(readFileSync(path), { threads: CORES }),
  ];
  const input = one.inputs[0]!;
  const dims = input.shape.map((d) => (typeof d === 'number' ? d : 1));
  const x = float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1));
  const feeds: Record<string, Tensor> = { [input.name]: x };
  const COUNT = 60;
  const timed = async (act: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    await act();
    return (performance.now() - start) / COUNT;
  };
  const alone = (session: typeof one) => async (): Promise<void> => {
    for (let i = 0; i < COUNT; i++) await session.run(feeds);
  };
  const streamed = async (): Promise<void> => {
    for await (const _ of pipeline.stream(Array.from({ length: COUNT }, () => feeds)));
  };
  const times: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < ROUNDS + 1; i++) {
    const now = [await timed(streamed), await timed(alone(one)), await timed(alone(threads))];
    // The first round warms up.
    if (i > 0) now.forEach((ms, k) => times[k]!.push(ms));
  }
  await Promise.all([pipeline.close(), one.release(), threads.release()]);
  const [ours, single, double] = times.map(median) as [number, number, number];
  const work = `MobileNetV2 in a stream, ${CORES} stages in ${CORES} processes`;
  return [
    faster(work, 'ms', [ours, single], 'one process, one thread', 1.1),
    faster(work, 'ms', [ours, double], `one process, ${CORES} intra-op threads`, 0.7),
  ];
}

/** Bytes that a shard reads and writes for a step of its own, as the blobs that carry them. */
async function bytesRow(root: string, innerState: 'keep' | 'reset'): Promise<Row> {
  const parts = splitSamples(await loadDigits(join(root, 'datasets/digits')), 'digits-v1');
  const localSteps = 25;
  const options: LocalOptions = {
    model: buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }),
    createSession: openSession,
    ...parts,
    epochs: 4,
    batchSize: 16,
    optimizer: { name: 'adamw', learningRate: 0.003 },
    local: { shards: 3, localSteps, outer: { learningRate: 1, momentum: 0, nesterov: false }, innerState },
  };
  const { common } = new LocalRun(options);
  const result = await runRound(options, { round: 0, shard: 0, common });
  const [down, up, state] = [common, result.common, result.inner].map((v) => encodeVectors(v).length);
  // A kept state is written once and read once.
  const ours = (down! + up! + (innerState === 'keep' ? 2 * state! : 0)) / result.steps;
  // A step that exchanges gradients sends as many numbers as there are parameters, and reads as many.
  const peer = 2 * 4 * common.get('step.parameters')!.length;
  const work = `local SGD, ${localSteps} steps a round, optimiser state ${innerState === 'keep' ? 'kept' : 'begun anew'}`;
  return faster(work, 'bytes/step', [ours, peer], 'gradients exchanged in every step', localSteps / 4);
}

export async function run(): Promise<Row[]> {
  // The runner puts the compiled benchmark one folder below bench/.
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const rows: Row[] = [];
  for (const one of cases) rows.push(...(await replicaRows(one)));
  const data = process.env['VERGE_DATA'];
  const path = data ? join(data, 'mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx') : '';
  if (path && existsSync(path)) rows.push(...(await pipelineRows(path)));
  else console.log('MobileNetV2 is not there: VERGE_DATA names no folder with it; its rows are skipped');
  rows.push(await bytesRow(root, 'keep'), await bytesRow(root, 'reset'));
  return rows;
}
