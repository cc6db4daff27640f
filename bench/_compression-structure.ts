/**
 * Changes of structure on networks that are trained here: what pruning, distillation and decomposition lose of the test part after a short
 * training. Of MNIST the first 8,000 images train; the test part has 10,000.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { codebook, decompose, distil, pruneFilters, pruneWeights, type PassResult } from '@verge/compression';
import { RecipePass } from '@verge/contracts';
import { openDataset, splitSamples, type Part, type Samples } from '@verge/data';
import { figuresOf, GraphBuilder, float32, ints, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, Random, score, type FitOptions } from '@verge/training';
import { blockHere, compared } from './_compression-pruned.js';
import { once, type Journal } from './_journal.js';
import { lenet5 } from './_lenet5.js';
import type { Row } from './_row.js';

const TRAINED = 8000;
const adamw = { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
type Data = Record<Part, Samples>;

async function mnist(folder: string): Promise<Data> {
  const pixels = await openDataset(join(folder, 'mnist'));
  const all = { ...pixels, shape: [1, 28, 28], x: Float32Array.from(pixels.x, (v) => v / 255) };
  const { train, validation, test } = splitSamples(all, 'own');
  const first = (part: Samples, count: number): Samples => ({
    ...part,
    ...{ x: part.x.subarray(0, count * 784), y: part.y.subarray(0, count) },
  });
  return { train: first(train, TRAINED), validation: first(validation, 1000), test };
}

interface Task {
  readonly name: string;
  readonly network: () => Model;
  readonly float: Pick<FitOptions, 'epochs' | 'optimizer'>;
  readonly treatments: readonly Treatment[];
}

interface Treatment {
  readonly name: string;
  /** Points of accuracy that may be lost, and how many times fewer multiply-accumulates are asked for. */
  readonly lost: number;
  readonly fewer: number;
  run(model: Model, data: Data): Promise<PassResult>;
}

const tuned = (epochs: number, learningRate: number, distillation?: { temperature: number; alpha: number }) => ({
  ...{ epochs, batchSize: 64, seed: 1, optimizer: { ...adamw, learningRate, weightDecay: 0 } },
  ...(distillation && { distillation }),
});
const taught = { temperature: 4, alpha: 0.3 };

type Options<P extends RecipePass['pass']> = Extract<RecipePass, { pass: P }>;
const filled = <P extends RecipePass['pass']>(pass: { pass: P } & Record<string, unknown>): Options<P> =>
  RecipePass.parse(pass) as Options<P>;

const prune = (macs: number, epochs: number, learningRate: number): Treatment['run'] => {
  const fineTune = tuned(epochs, learningRate, taught);
  return async (model, data) => {
    const pass = filled({ pass: 'prune-filters', macs, importance: 'taylor', fineTune });
    return pruneFilters(model, { ...pass, multiple: await blockHere() }, { createSession, ...data });
  };
};

const apart = (
  convolution: 'tucker' | 'cp',
  multiple: number,
  fineTune: ReturnType<typeof tuned>,
): Treatment['run'] => {
  const pass = filled({ pass: 'decompose', convolution, multiple, fineTune });
  return (model, data) => decompose(model, pass, { createSession, ...data });
};

const tasks: readonly Task[] = [
  {
    name: 'ResNet-20 on MNIST',
    network: () => buildArchitecture('resnet20', { input: [1, 28, 28], classes: 10 }, 1),
    float: { epochs: 3, optimizer: { ...adamw, learningRate: 0.004, weightDecay: 0.01 } },
    treatments: [{ name: 'pruned', lost: 0.3, fewer: 2, run: prune(0.5, 2, 0.001) }],
  },
  {
    name: 'MobileNetV2 (width 0.5) on MNIST',
    network: () =>
      buildArchitecture('mobilenetv2', { input: [1, 28, 28], classes: 10, params: { width: 0.5, stemStride: 1 } }, 1),
    float: { epochs: 4, optimizer: { ...adamw, learningRate: 0.003, weightDecay: 0.01 } },
    treatments: [
      { name: 'pruned, with the unpruned one as teacher', lost: 0.5, fewer: 1.5, run: prune(0.66, 2, 0.001) },
      {
        name: 'distilled into a copy with 0.7 of the channels',
        lost: 0.5,
        fewer: 1.5,
        run: async (model, data) =>
          distil(
            model,
            filled({ pass: 'distil', student: { from: 'narrower', width: 0.7 }, fineTune: tuned(2, 0.002, taught) }),
            await blockHere(),
            { createSession, ...data },
          ),
      },
    ],
  },
  {
    name: 'ResNet-8 on MNIST',
    network: () => buildArchitecture('resnet', { input: [1, 28, 28], classes: 10 }, 1),
    float: { epochs: 3, optimizer: { ...adamw, learningRate: 0.004, weightDecay: 0.01 } },
    treatments: [
      { name: "in Tucker's form", lost: 0.5, fewer: 2, run: apart('tucker', 4, tuned(5, 0.002, taught)) },
      { name: 'as sums of products (CP)', lost: 0.5, fewer: 2, run: apart('cp', 8, tuned(2, 0.001, taught)) },
    ],
  },
];

/** Whether a row is to be measured, by its name. */
type Wanted = (name: string) => boolean;

async function accuracyOf(model: Model, { test }: Data): Promise<number> {
  return 100 * score(await predict(model, test, createSession), test.y).accuracy;
}

const cpuSince = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
};

async function taskRows(task: Task, folder: string, journal: Journal, wanted: Wanted): Promise<Row[]> {
  let start: Promise<{ data: Data; model: Model; accuracy: number }> | undefined;
  const begun = async () => {
    const data = await mnist(folder);
    const { train, validation } = data;
    const from = process.cpuUsage();
    const { model } = await fit({
      model: task.network(),
      createSession,
      train,
      validation,
      batchSize: 64,
      ...task.float,
    });
    const accuracy = await accuracyOf(model, data);
    console.log(`  ${task.name}: ${accuracy.toFixed(2)} % after ${cpuSince(from).toFixed(0)} CPU s of training`);
    return { data, model, accuracy };
  };
  const rows: Row[] = [];
  for (const { name, lost, fewer, run } of task.treatments.filter((one) => wanted(`${task.name}, ${one.name}`)))
    rows.push(
      ...(await once(journal, `${task.name}, ${name}: accuracy after training`, async () => {
        const { data, model, accuracy } = await (start ??= begun());
        const from = process.cpuUsage();
        const made = await run(model, data);
        const [cpu, after] = [cpuSince(from), await accuracyOf(made.model, data)];
        const times = figuresOf(model).macs! / figuresOf(made.model).macs!;
        console.log(
          `    ${name}: ${after.toFixed(2)} %, ${times.toFixed(2)} times fewer MACs, in ${cpu.toFixed(0)} CPU s`,
        );
        for (const note of made.notes ?? []) console.log(`      ${note}`);
        // A network that is not smaller by as much has not reached the bar, whatever it reads.
        const reached = times >= fewer ? after / (accuracy - lost) : 0;
        return { unit: '%', ours: after, peer: accuracy, peerName: 'before', ratio: reached, bar: 1 };
      })),
    );
  return rows;
}

/** What the layers are called that are measured without training. */
const VGG = 'VGG-like layers';
const LENET = 'LeNet-5 on MNIST';

/** Convolutions as VGG has them, on small images: widths double where images are halved. */
function vggLike(): Model {
  const g = new GraphBuilder();
  const random = new Random(1, 'vgg');
  const conv = (x: string, name: string, outputs: number, inputs: number): string => {
    const limit = Math.sqrt(6 / (9 * inputs));
    const weight = Float32Array.from({ length: 9 * outputs * inputs }, () => random.uniform(-limit, limit));
    const constants = [
      g.initializer(`${name}.weight`, float32([outputs, inputs, 3, 3], weight)),
      g.initializer(`${name}.bias`, float32([outputs], new Float32Array(outputs))),
    ];
    return g.node('Relu', [g.node('Conv', [x, ...constants], { pads: ints([1, 1, 1, 1]) }, 1, { name })]);
  };
  const halved = (x: string): string => g.node('MaxPool', [x], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  let x = g.input('x', 'float32', ['N', 64, 56, 56]);
  x = conv(conv(x, 'a1', 128, 64), 'a2', 128, 128);
  x = conv(conv(halved(x), 'b1', 256, 128), 'b2', 256, 256);
  x = conv(conv(halved(x), 'c1', 512, 256), 'c2', 512, 512);
  g.output(g.node('GlobalAveragePool', [x]), 'float32', ['N', 512, 1, 1]);
  return g.build();
}

async function decompositionRows(journal: Journal): Promise<Row[]> {
  const untuned = { fineTune: { epochs: 0 } };
  const none = { x: new Float32Array(1), shape: [1], y: new Int32Array(1), labels: [], name: 'none' };
  const context = { createSession, train: none, validation: none };
  const rows: Row[] = [];
  for (const ratio of [2, 4]) {
    const work = `${VGG} in Tucker's form at ${ratio} times fewer multiply-accumulates: times faster`;
    rows.push(
      ...(await once(journal, work, async () => {
        const model = vggLike();
        const pass = filled({
          pass: 'decompose',
          rank: { by: 'ratio', ratio },
          multiple: await blockHere(),
          ...untuned,
        });
        const made = await decompose(model, pass, context);
        const { faster, fewer } = await compared(work, model, made.model, [64, 56, 56]);
        const peerName = 'times fewer multiply-accumulates';
        return { unit: 'x', ours: faster, peer: fewer, peerName, ratio: faster / fewer, bar: 0.9 };
      })),
    );
  }
  rows.push(
    ...(await once(journal, "a layer of 512x512x3x3 in Tucker's form: CPU time", async () => {
      const g = new GraphBuilder();
      const random = new Random(1, 'layer');
      const weight = Float32Array.from({ length: 512 * 512 * 9 }, () => random.uniform(-0.02, 0.02));
      const w = g.initializer('w', float32([512, 512, 3, 3], weight));
      const y = g.node('Conv', [g.input('x', 'float32', ['N', 512, 14, 14]), w], { pads: ints([1, 1, 1, 1]) });
      g.output(y, 'float32', ['N', 512, 14, 14]);
      const from = process.cpuUsage();
      await decompose(g.build(), filled({ pass: 'decompose', ...untuned }), context);
      const ours = cpuSince(from);
      return { unit: 'CPU s', ours, peer: 3, peerName: 'allowed', ratio: 3 / ours, bar: 1 };
    })),
  );
  return rows;
}

/** Whom a network learns from that was pruned before its weights were put into lists: the network that was given, or the pruned one. */
async function teacherRows(folder: string, journal: Journal): Promise<Row[]> {
  return once(
    journal,
    `${LENET}, pruned, then in lists of 2 bits: accuracy, taught by the network that was given`,
    async () => {
      const all = await mnist(folder);
      const few = { ...all.train, x: all.train.x.subarray(0, 4000 * 784), y: all.train.y.subarray(0, 4000) };
      const data = { ...all, train: few };
      const found: (readonly [given: number, pruned: number])[] = [];
      for (const seed of [1, 2, 3]) {
        const how = { createSession, ...data, batchSize: 64, seed };
        const { model } = await fit({
          ...how,
          model: lenet5(),
          epochs: 3,
          optimizer: { ...adamw, learningRate: 0.002 },
        });
        const learning = { ...tuned(2, 0.001, taught), seed };
        const pruning = filled({ pass: 'prune-weights', ratio: 0.95, scope: 'global', fineTune: learning });
        const { model: pruned } = await pruneWeights(model, pruning, { createSession, ...data });
        const coding = filled({ pass: 'codebook', bits: 2, scale: 'layer', fineTune: learning });
        const coded = [model, pruned].map((original) => codebook(pruned, coding, { createSession, ...data, original }));
        const [given, own] = [
          await accuracyOf((await coded[0]!).model, data),
          await accuracyOf((await coded[1]!).model, data),
        ];
        console.log(
          `  seed ${seed}: float ${(await accuracyOf(model, data)).toFixed(2)} %, pruned ${(await accuracyOf(pruned, data)).toFixed(2)} %, in lists ${given.toFixed(2)} % and, taught by the pruned one, ${own.toFixed(2)} %`,
        );
        found.push([given, own]);
      }
      const mean = (of: 0 | 1): number => found.reduce((sum, pair) => sum + pair[of], 0) / found.length;
      return {
        unit: '%',
        ours: mean(0),
        peer: mean(1),
        peerName: 'taught by the pruned one',
        ratio: mean(0) / mean(1),
        bar: 0.999,
      };
    },
  );
}

export async function structureRows(journal: Journal): Promise<Row[]> {
  const only = process.env['VERGE_BENCH_NETWORKS']?.split(',');
  const wanted: Wanted = (name) => !only || only.some((part) => name.includes(part));
  const rows = wanted(VGG) ? await decompositionRows(journal) : [];
  const folder = process.env['VERGE_DATA'] ?? '';
  if (!existsSync(join(folder, 'mnist'))) {
    console.log('  skipped: VERGE_DATA names no folder with mnist');
    return rows;
  }
  if (wanted(LENET)) rows.push(...(await teacherRows(folder, journal)));
  for (const task of tasks) rows.push(...(await taskRows(task, folder, journal, wanted)));
  return rows;
}
