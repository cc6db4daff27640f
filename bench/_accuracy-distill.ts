/**
 * What a teacher is worth on the digits: a student too small for the task is trained alone, on the teacher's soft targets, and
 * on these with hints from inside the teacher. Seeds change the student's weights, shuffles and augmentation; the teacher, the
 * plan and the split stay. Nothing is chosen by the test part.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadDigits, splitSamples } from '@verge/data';
import type { Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, distill, fit, predict, score, type FitOptions } from '@verge/training';
import type { Row } from './_row.js';

const SEEDS = [1, 2, 3, 4, 5];
const EPOCHS = 40;

// The runner puts the compiled benchmark one folder below bench/.
const here = dirname(fileURLToPath(import.meta.url));
const root = here.endsWith('dist') ? join(here, '..', '..') : join(here, '..');
const { train, validation, test } = splitSamples(await loadDigits(join(root, 'datasets/digits')), 'digits-v1');

const augmentation = { shift: 1, rotate: 10, scale: 0.1, flip: false };
const optimizer = { name: 'sgd', learningRate: 0.1, nesterov: true, weightDecay: 5e-4 } as const;
const common = { createSession, train, validation, optimizer, augmentation, batchSize: 64 } as const;

const student = (seed: number): Model =>
  buildArchitecture(
    'dscnn',
    { input: [1, 8, 8], classes: 10, params: { stem: 6, channels: [12, 16], strides: [2, 2] } },
    seed,
  );

async function accuracy(model: Model): Promise<number> {
  return 100 * score(await predict(model, test, createSession), test.y).accuracy;
}

/** The last map of a network, [batch, channels, ...positions]: what its global pooling reads. */
function lastMap(model: Model): string {
  const pool = model.graph.nodes.findLast((n) => n.op === 'GlobalAveragePool');
  if (!pool) throw new Error('the network has no global pooling');
  return pool.inputs[0]!;
}

interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

const told = ({ mean, deviation }: Spread): string => `${mean.toFixed(2)} +- ${deviation.toFixed(2)}`;

function row(what: string, taught: readonly number[], alone: readonly number[]): Row {
  const [ours, peer] = [spreadOf(taught), spreadOf(alone)];
  const gains = spreadOf(taught.map((v, i) => v - alone[i]!));
  const work = `digits, ${what}, ${SEEDS.length} seeds: ${told(ours)} against ${told(peer)}, gain ${told(gains)} points`;
  const ratio = ours.mean / peer.mean;
  return {
    work,
    unit: '%',
    ours: ours.mean,
    peer: peer.mean,
    peerName: 'without a teacher',
    ratio,
    bar: 1,
    ok: ratio >= 1,
  };
}

export async function rows(): Promise<Row[]> {
  const network = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels: [16, 32, 64] } }, 1);
  const teacher = (await fit({ ...common, model: network, epochs: 45, seed: 1 })).model;
  console.log(`  teacher: test ${(await accuracy(teacher)).toFixed(2)} %`);
  const found = { alone: [] as number[], soft: [] as number[], hints: [] as number[] };
  for (const seed of SEEDS) {
    const model = student(seed);
    const plan = { ...common, model, epochs: EPOCHS, seed } satisfies FitOptions;
    const hints = [{ student: lastMap(model), teacher: lastMap(teacher), weight: 0.1 }];
    found.alone.push(await accuracy((await fit(plan)).model));
    found.soft.push(await accuracy((await distill({ ...plan, teacher, teacherInStep: true })).model));
    found.hints.push(await accuracy((await distill({ ...plan, teacher, hints })).model));
    const [a, s, h] = [found.alone, found.soft, found.hints].map((all) => all.at(-1)!.toFixed(2));
    console.log(`  seed ${seed}: alone ${a} %, soft targets ${s} %, with hints ${h} %`);
  }
  return [
    row('student on soft targets', found.soft, found.alone),
    row('student on soft targets and hints', found.hints, found.alone),
  ];
}
