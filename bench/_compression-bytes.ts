/**
 * Bytes of the packed file, which is what goes over the network: int8 beside TFLite's files, one trained network pruned and stored in lists of
 * values beside what was published for it, and the changes of a network that was trained a little further.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fold, passes } from '@verge/compression';
import { Recipe, type RecipePass } from '@verge/contracts';
import { loadDigits, openDataset, splitSamples, type Part, type Samples } from '@verge/data';
import { decodeModel, encodeModel, normalise, type Model } from '@verge/onnx';
import { pack, unpack } from '@verge/onnx/pack';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { lenet5 } from './_lenet5.js';
import { agreement, outputsOf } from './_compression-likeness.js';
import { networks } from './_compression-networks.js';
import { quantized } from './_compression-ptq.js';
import { once, type Journal } from './_journal.js';
import type { Row } from './_row.js';

type Measured = Omit<Row, 'work' | 'ok'>;
type Config<P extends RecipePass['pass']> = Extract<RecipePass, { pass: P }>;

/** The pass with what it has by default. */
function filled<P extends RecipePass['pass']>(pass: { pass: P } & Record<string, unknown>): Config<P> {
  return Recipe.parse({ name: 'bytes', passes: [pass] }).passes[0] as Config<P>;
}

/** Bytes of the packed file, once it has given back the very same one. */
async function packed(bytes: Uint8Array, base?: Uint8Array): Promise<number> {
  const small = await pack(bytes, base && { base });
  if (Buffer.compare(await unpack(small, base && { base }), bytes) !== 0) throw new Error('other bytes came out');
  return small.length;
}

/** Sizes of the reference files of MLPerf Tiny in TFLite's int8 form, and the bytes that are to be reached. */
const references: Readonly<Record<string, { tflite: number; limit: number }>> = {
  dscnn_kws_fp32: { tflite: 53_936, limit: 34_600 },
  resnet8_cifar10_fp32: { tflite: 98_496, limit: 87_500 },
  vww_mobilenetv1_025_96_fp32: { tflite: 333_288, limit: 256_000 },
  ad01_autoencoder_fp32: { tflite: 276_976, limit: 276_976 },
};

async function int8Rows(journal: Journal): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, path, samples } of networks()) {
    const reference = references[name];
    if (!reference) continue;
    const { tflite, limit } = reference;
    rows.push(
      ...(await once(journal, `${name}, int8 by default, packed`, async () => {
        const bytes = await quantized(readFileSync(path), (await samples(64)).calibration);
        const ours = await packed(bytes);
        console.log(`    ${name}: ${bytes.length} bytes as ONNX, ${ours} packed`);
        return {
          unit: 'bytes',
          ours,
          peer: tflite,
          peerName: 'TFLite int8',
          ratio: tflite / ours,
          bar: tflite / limit,
        };
      })),
    );
  }
  return rows;
}

const X64 = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true } as const;
const adamw = { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const;
const distillation = { temperature: 4, alpha: 0.3 };

async function accuracyOf(model: Model, test: Samples): Promise<number> {
  return score(await predict(model, test, createSession), test.y).accuracy;
}

async function mnist(): Promise<Record<Part, Samples> | null> {
  const folder = join(process.env['VERGE_DATA'] ?? '', 'mnist');
  if (!existsSync(folder)) return null;
  const pixels = await openDataset(folder);
  return splitSamples({ ...pixels, shape: [1, 28, 28], x: Float32Array.from(pixels.x, (v) => v / 255) }, 'own');
}

/** What is done to LeNet-5 once it is trained. */
const pruning = filled({
  pass: 'prune-weights',
  ratio: 0.98,
  scope: 'global',
  schedule: { by: 'gradual', rounds: 5, epochs: 1 },
  fineTune: { epochs: 5, optimizer: { ...adamw, learningRate: 0.002 }, distillation },
});
const coding = filled({
  pass: 'codebook',
  bits: 4,
  scale: 'layer',
  biases: true,
  fineTune: { epochs: 3, optimizer: { ...adamw, learningRate: 0.001 }, distillation },
});

interface Shrunk {
  readonly before: number;
  readonly after: number;
  readonly accuracies: readonly [number, number];
}

async function shrunkLenet(): Promise<Shrunk | null> {
  const data = await mnist();
  if (!data) return null;
  const { train, validation, test } = data;
  const optimizer = { ...adamw, learningRate: 0.002, weightDecay: 0.01 };
  const trained = await fit({ model: lenet5(), createSession, train, validation, epochs: 10, optimizer });
  const context = { createSession, train, validation };
  const pruned = await passes['prune-weights'].run(trained.model, pruning, X64, context);
  const coded = await passes.codebook.run(pruned.model, coding, X64, context);
  const accuracies = [await accuracyOf(trained.model, test), await accuracyOf(coded.model, test)] as const;
  const after = await packed(encodeModel(coded.model));
  console.log(
    `    LeNet-5: ${pruned.changes['zeros']} of ${pruned.changes['weights']} weights are 0, ${after} bytes packed`,
  );
  return { before: trained.bytes.length, after, accuracies };
}

/** Deep Compression (Han et al. 2016, arXiv:1510.00149, table 1). */
const DEEP_COMPRESSION = 39;

export async function lenetRows(journal: Journal): Promise<Row[]> {
  let shrunk: Promise<Shrunk | null> | undefined;
  const measure = (row: (found: Shrunk) => Measured) => async () => {
    const found = await (shrunk ??= shrunkLenet());
    return found && row(found);
  };
  const size = measure(({ before, after }) => {
    const ours = before / after;
    const peerName = 'Deep Compression (arXiv:1510.00149)';
    return {
      unit: 'x',
      ours,
      peer: DEEP_COMPRESSION,
      peerName,
      ratio: ours / DEEP_COMPRESSION,
      bar: 90 / DEEP_COMPRESSION,
    };
  });
  const quality = measure(({ accuracies: [float, small] }) => {
    const [ours, peer] = [100 * small, 100 * float];
    return { unit: '%', ours, peer, peerName: 'the float network', ratio: ours / peer, bar: (peer - 0.2) / peer };
  });
  return [
    ...(await once(journal, 'LeNet-5 on MNIST, pruned and in lists of values, packed: times smaller', size)),
    ...(await once(journal, 'LeNet-5 on MNIST, the same: test accuracy', quality)),
  ];
}

/** int8 of a network before and after two more epochs at a fifth of the learning rate. */
async function deltaRows(journal: Journal): Promise<Row[]> {
  return once(journal, 'int8 network that was trained further: bytes of the changes', async () => {
    const { train, validation } = splitSamples(
      await loadDigits(new URL('../../datasets/digits/', import.meta.url).pathname),
    );
    const model = buildArchitecture('cnn', { input: [1, 8, 8], classes: 10 });
    const how = { createSession, train, validation };
    const first = await fit({ ...how, model, epochs: 6, optimizer: { ...adamw, learningRate: 0.005 } });
    const second = await fit({
      ...how,
      model: first.model,
      epochs: 2,
      seed: 5,
      optimizer: { ...adamw, learningRate: 0.001 },
    });
    const [before, after] = [await quantized(first.bytes, train), await quantized(second.bytes, train)];
    const ours = await packed(after, before);
    const peer = await packed(after);
    console.log(`    of a file of ${after.length} bytes`);
    return { unit: 'bytes', ours, peer, peerName: 'the file packed alone', ratio: after.length / ours, bar: 1 / 0.3 };
  });
}

const CROPS = { learned: 3000, judged: 600 };
/** Learned from the float network's answers alone; its weights are small, so that steps have to be. */
const likeItself = { temperature: 2, alpha: 0 };
const resnetPasses = [
  filled({
    pass: 'prune-weights',
    ratio: 0.55,
    scope: 'global',
    fineTune: { epochs: 6, optimizer: { ...adamw, learningRate: 0.00015 }, distillation: likeItself },
  }),
  filled({
    pass: 'codebook',
    fineTune: { epochs: 4, optimizer: { ...adamw, learningRate: 0.0003 }, distillation: likeItself },
  }),
] as const;

/** The first samples of a part. */
function first(part: Samples, count: number): Samples {
  const size = part.shape.reduce((a, b) => a * b, 1);
  return { ...part, x: part.x.subarray(0, count * size), y: part.y.subarray(0, count) };
}

/** ResNet-8 of MLPerf Tiny: its training data are not here, so that its answers are held against its own. */
async function resnetRows(journal: Journal): Promise<Row[]> {
  const network = networks().find(({ name }) => name === 'resnet8_cifar10_fp32');
  if (!network) return [];
  let small: Promise<{ times: number; same: number }> | undefined;
  const shrink = async (): Promise<{ times: number; same: number }> => {
    const bytes = readFileSync(network.path);
    const { model } = await fold(normalise(decodeModel(bytes)).model, createSession);
    const { calibration, test: all } = await network.samples(CROPS.learned);
    const test = first(all, CROPS.judged);
    const answers = (await outputsOf(bytes, calibration)).map((scores) => scores.indexOf(Math.max(...scores)));
    const train = { ...calibration, labels: [...'0123456789'], y: Int32Array.from(answers) };
    const context = { createSession, train, validation: first(train, 200) };
    const [pruning, listing] = resnetPasses;
    const pruned = await passes['prune-weights'].run(model, pruning, X64, context);
    const coded = await passes.codebook.run(pruned.model, listing, X64, context);
    const made = encodeModel(coded.model);
    const same = agreement(await outputsOf(bytes, test), await outputsOf(made, test));
    return { times: bytes.length / (await packed(made)), same };
  };
  const name = 'ResNet-8 of MLPerf Tiny, pruned and in lists of values, packed';
  return [
    ...(await once(journal, `${name}: times smaller`, async () => {
      const { times } = await (small ??= shrink());
      return { unit: 'x', ours: times, peer: 1, peerName: 'the float file', ratio: times, bar: 10 };
    })),
    ...(await once(journal, `${name}: same answers on crops of photographs`, async () => {
      const { same } = await (small ??= shrink());
      return { unit: '%', ours: same, peer: 100, peerName: 'the float network', ratio: same / 100, bar: 0.85 };
    })),
  ];
}

export async function bytesRows(journal: Journal): Promise<Row[]> {
  return [...(await int8Rows(journal)), ...(await deltaRows(journal)), ...(await resnetRows(journal))];
}
