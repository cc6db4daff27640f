import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { findParameters, floatsOf } from '../parameters.js';
import { TARGET } from '../losses.js';
import { openWhole } from '../parallel/whole.js';
import { TrainingState } from '../state.js';
import { Random } from '../random.js';
import { buildTrainingModel } from '../training-model.js';
import type { ParamValue } from './params.js';
import { architectureProblems, architectures, buildArchitecture } from './registry.js';

const parameterCount = (m: Model): number =>
  [...findParameters(m.graph).keys()].reduce((sum, name) => sum + floatsOf(m.graph.initializers.get(name))!.length, 0);

const images = [
  [3, 32, 32],
  [1, 9, 12],
];
const series = [
  [12, 3],
  [7, 1],
];
/** Shapes of one sample, and parameters that keep the larger networks small here. */
interface Trial {
  readonly inputs: number[][];
  readonly params?: Record<string, ParamValue>;
  readonly output?: number[];
  /** Learning rate; 0.01 when absent. */
  readonly rate?: number;
}

const tried: Record<string, Trial> = {
  mlp: { inputs: [[64], [1, 8, 8]] },
  lenet: { inputs: [[1, 28, 28], images[1]!] },
  lenet5: { inputs: [[1, 28, 28]] },
  cnn: { inputs: images, params: { batchNorm: true, dropout: 0.2 } },
  resnet: { inputs: [...images, [2, 7, 5]] },
  resnet8: { inputs: images },
  resnet20: { inputs: [[3, 16, 16]], params: { width: 0.5 } },
  resnet56: { inputs: [[3, 8, 8]], params: { width: 0.25 } },
  mobilenetv1: { inputs: images, params: { width: 0.125, stemStride: 1 } },
  // Its 52 layers are normalised over 8 samples: at 0.01 the loss rises to several times its beginning before it falls.
  mobilenetv2: { inputs: images, params: { width: 0.1, stemStride: 1 }, rate: 0.003 },
  dscnn: {
    inputs: [
      [1, 49, 10],
      [1, 8, 8],
    ],
  },
  autoencoder: { inputs: [[20], [2, 5]], params: { hidden: [16], code: 2 } },
  'conv-autoencoder': { inputs: [[3, 16, 8]], params: { channels: [4, 8], code: 2 } },
  tcn: { inputs: series, params: { channels: [4, 8] } },
  recurrent: { inputs: series, params: { layers: 2, bidirectional: true, dropout: 0.1 } },
  forecaster: { inputs: series, params: { cell: 'lstm', hidden: 8 } },
  transformer: {
    inputs: [
      [1, 8, 12],
      [12, 3],
    ],
    params: { width: 8, heads: 2, layers: 1 },
  },
  'dcgan-generator': { inputs: [[10]], params: { size: 28, channels: 1, features: 4 }, output: [1, 28, 28] },
  'dcgan-discriminator': { inputs: [[3, 32, 32]], params: { features: 4 } },
};
const variants: [string, Trial][] = [
  [
    'dcgan-generator',
    { inputs: [[10]], params: { size: 28, channels: 1, features: 4, dense: 8 }, output: [1, 28, 28] },
  ],
  ['dcgan-discriminator', { inputs: [[1, 28, 28]], params: { features: 4, dense: 8 } }],
];
const trials = [...Object.entries(tried), ...variants];
const titled = (name: string, params: Trial['params']): string => (params?.['dense'] ? `${name}, dense` : name);

/** `steps` steps of Adam on one batch of noise; the loss of each. */
async function losses(model: Model, input: readonly number[], steps: number, learningRate = 0.01): Promise<number[]> {
  const batch = 8;
  const optimizer = { name: 'adamw' as const, learningRate };
  const training = buildTrainingModel(model, { loss: { kind: 'mse' }, optimizer, batch });
  const random = new Random(4, 'noise');
  const noise = (dims: readonly number[]): Tensor =>
    float32(
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1)),
    );
  const feeds = { [training.input.name]: noise([batch, ...input]), [TARGET]: noise(training.outputShape) };
  const stepper = await openWhole(training, new TrainingState(training, model, optimizer), createSession);
  const seen: number[] = [];
  for (let step = 1; step <= steps; step++)
    seen.push((await stepper.step({ feeds, learningRate, step, dropoutSeed: 7 })).loss);
  await stepper.release();
  return seen;
}

describe('built-in architectures', () => {
  it('are all tried here', () => {
    expect(Object.keys(tried).sort()).toEqual(Object.keys(architectures).sort());
  });

  for (const [name, { inputs, params, output }] of trials) {
    for (const input of inputs) {
      it(`${titled(name, params)} on [${input.join(', ')}]: any batch in, as many results out, trainable`, async () => {
        const model = buildArchitecture(name, { input, classes: 5, params }, 3);
        const wide = output ?? (name.endsWith('autoencoder') ? input : [5]);
        const session = await createSession(encodeModel(model));
        for (const batch of [1, 3]) {
          const x = float32([batch, ...input], new Float32Array(batch * input.reduce((a, b) => a * b, 1)).fill(0.5));
          const out = Object.values(await session.run({ input: x }))[0]!;
          expect(out.dims).toEqual([batch, ...wide]);
          expect((out.data as Float32Array).every(Number.isFinite)).toBe(true);
        }
        await session.release();
        const optimizer = { name: 'sgd' as const, learningRate: 0.1 };
        const training = buildTrainingModel(model, { loss: { kind: 'mse' }, optimizer, batch: 4 });
        expect(training.parameters.size).toBe(parameterCount(model));
        // Everything that was drawn is trained, apart from running statistics.
        const drawn = [...model.graph.initializers.keys()].filter((key) =>
          /\.(weight|recurrence|bias|scale|shift)$/.test(key),
        );
        expect([...findParameters(model.graph).keys()].sort()).toEqual(drawn.sort());
      });
    }
  }

  for (const [name, { inputs, params, rate }] of trials) {
    it(`${titled(name, params)} learns a batch`, async () => {
      const input = inputs.at(-1)!;
      const seen = await losses(buildArchitecture(name, { input, classes: 5, params }, 3), input, 12, rate);
      expect(seen.at(-1)).toBeLessThan(0.9 * seen[0]!);
    });
  }

  const readings: [string, Record<string, ParamValue>][] = [
    ['recurrent', { bidirectional: true, layers: 2, hidden: 4 }],
    ['recurrent', { bidirectional: true, hidden: 4, pooling: 'mean', cell: 'lstm' }],
    ['tcn', { channels: [4, 4], pooling: 'last' }],
    ['tcn', { channels: [4, 4], pooling: 'mean' }],
  ];
  it.each(readings)('%s %j answers alike however long the padding is', async (name, params) => {
    const random = new Random(9, 'series');
    const sample = Float32Array.from({ length: 7 * 2 }, () => random.uniform(-1, 1));
    const logits = async (steps: number, padded: boolean): Promise<number[]> => {
      const model = buildArchitecture(name, { input: [steps, 2], classes: 3, params: { ...params, padded } }, 5);
      const session = await createSession(encodeModel(model));
      const x = new Float32Array(2 * steps * 2).fill(0.3);
      x.fill(0, 0, steps * 2);
      x.set(sample);
      const out = Object.values(await session.run({ input: float32([2, steps, 2], x) }))[0]!;
      await session.release();
      return Array.from((out.data as Float32Array).subarray(0, 3));
    };
    const exact = await logits(7, false);
    for (const steps of [7, 8, 12]) (await logits(steps, true)).forEach((v, i) => expect(v).toBeCloseTo(exact[i]!, 5));
    expect(await logits(12, false)).not.toEqual(exact);
  });

  describe('have the sizes of the published networks', () => {
    const count = (name: string, input: number[], classes: number, params?: Record<string, ParamValue>): number =>
      parameterCount(buildArchitecture(name, { input, classes, params }));

    it('ResNet-8 of MLPerf Tiny', () => {
      // It counts 78,666: a bias in each convolution, four values a channel in each BN, none on the way around. Here: no
      // convolution bias, two trained values a channel in each BN, one on the way around as well.
      const [stages, skips] = [3 * (16 + 32 + 64), 32 + 64];
      const published = 78_666 - stages - 4 * (stages - skips);
      expect(count('resnet', [3, 32, 32], 10) - 2 * stages).toBe(published);
      expect(count('resnet8', [3, 32, 32], 10) - 2 * stages).toBe(published);
    });

    it('ResNet-20 and ResNet-56 (He et al. 2016, table 6: 0.27 M and 0.85 M, without projections)', () => {
      // The paper goes around by identity, padded with zeros; here two 1x1 convolutions with BN do.
      const projections = 16 * 32 + 32 * 64 + 2 * (32 + 64);
      expect(count('resnet20', [3, 32, 32], 10) - projections).toBe(269_722);
      expect(count('resnet56', [3, 32, 32], 10) - projections).toBe(853_018);
    });

    it('LeNet-5 with all maps of the second convolution connected', () => {
      expect(count('lenet5', [1, 28, 28], 10)).toBe(61_706);
      expect(count('lenet5', [1, 32, 32], 10, { padding: 'valid' })).toBe(61_706);
    });

    it('MobileNetV1 and V2 at width 1 on 1000 classes', () => {
      expect(count('mobilenetv1', [3, 224, 224], 1000)).toBe(4_231_976);
      expect(count('mobilenetv2', [3, 224, 224], 1000)).toBe(3_504_872);
    });

    it('MobileNetV1 0.25 of MLPerf Tiny, with batch normalisation folded into one bias a channel', () => {
      const channels = [
        32,
        64,
        64,
        128,
        128,
        128,
        128,
        256,
        256,
        256,
        256,
        ...new Array<number>(12).fill(512),
        1024,
        1024,
        1024,
      ];
      const biases = channels.reduce((sum, c) => sum + c / 4, 0) + 32 / 4;
      expect(count('mobilenetv1', [3, 96, 96], 2, { width: 0.25 }) - biases).toBe(210_850);
    });

    it('DS-CNN of MLPerf Tiny', () => {
      const params = {
        stem: 64,
        stemKernel: [10, 4],
        stemStride: 2,
        channels: [64, 64, 64, 64],
        strides: [1, 1, 1, 1],
      };
      // It counts 24,908: a bias in each of nine convolutions, and four values a channel in each BN, not two.
      expect(count('dscnn', [1, 49, 10], 12, params)).toBe(24_908 - 9 * 64 - 2 * 9 * 64);
    });

    it('auto-encoder of MLPerf Tiny', () => {
      expect(count('autoencoder', [640], 1)).toBe(267_928);
    });

    it('DCGAN for images of 64 pixels and noise of 100', () => {
      expect(count('dcgan-generator', [100], 1)).toBe(3_576_704);
      expect(count('dcgan-discriminator', [3, 64, 64], 1)).toBe(2_765_568);
    });

    it('DCGAN with the dense layers of InfoGAN, for MNIST and noise of 74', () => {
      const width = 64 * 16;
      const generator = { channels: 1, size: 28, features: 64, dense: 1024 };
      // Dense 74-1024-6272 and transposed convolutions 128-64-1, two more for each channel that is normalised.
      const drawn = 74 * 1024 + 1024 * 49 * 128 + 128 * 64 * 16 + width;
      expect(count('dcgan-generator', [74], 1, generator)).toBe(drawn + 2 * (1024 + 128 + 64));
      // Convolutions 1-64-128, dense 6272-1024-1; the last layer has a bias.
      const read = width + 64 * 128 * 16 + 49 * 128 * 1024 + 1024 + 1;
      expect(count('dcgan-discriminator', [1, 28, 28], 1, { dense: 1024 })).toBe(read + 2 * (128 + 1024));
    });
  });

  it('draws the same weights for the same seed', () => {
    const bytes = (seed: number): Uint8Array =>
      encodeModel(buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10 }, seed));
    expect(bytes(1)).toEqual(bytes(1));
    expect(bytes(1)).not.toEqual(bytes(2));
  });

  it('names what it does not know and every bad parameter', () => {
    const options = { input: [1, 8, 8], classes: 10 };
    expect(() => buildArchitecture('vgg', options)).toThrow(
      expect.objectContaining({ code: 'unknown-architecture', message: expect.stringContaining('resnet') }),
    );
    const params: Record<string, ParamValue> = { channels: [0], blocks: 1.5, dropout: 1, head: 'max', depth: 3 };
    expect(() => buildArchitecture('resnet', { ...options, params })).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 5 }) }),
    );
    expect(architectureProblems('vgg')).toEqual([expect.stringMatching(/^architecture: .*resnet/)]);
    expect(architectureProblems('resnet', params)).toHaveLength(5);
    expect(architectureProblems('resnet', { depth: 3 })).toEqual([
      'params.depth: no such parameter; there are channels, blocks, dropout, head, zeroInitResidual',
    ]);
    expect(architectureProblems('resnet', { blocks: 2 })).toEqual([]);
    const bad: [string, number[], Record<string, ParamValue>?][] = [
      ['lenet', [64]],
      ['recurrent', [3, 8, 8]],
      ['cnn', [1, 8, 8], { batchNorm: 1 }],
      ['cnn', [1, 2, 2]],
      ['conv-autoencoder', [1, 6, 8]],
      ['transformer', [1, 8, 8], { patch: 3 }],
      ['transformer', [8, 2], { width: 10 }],
      ['dcgan-generator', [10], { size: 36 }],
      ['dcgan-generator', [10], { dense: -1 }],
      ['dcgan-discriminator', [1, 28, 28], { dense: 1.5 }],
      ['dcgan-discriminator', [1, 28, 32]],
    ];
    for (const [name, input, params] of bad) {
      expect(() => buildArchitecture(name, { input, classes: 2, params }), name).toThrow(
        expect.objectContaining({ code: 'bad-options' }),
      );
    }
  });

  it('are described in the guide, with every parameter and its default', async () => {
    const guide = await readFile(new URL('../../../../docs/guides/training-config.md', import.meta.url), 'utf8');
    for (const [name, { params }] of Object.entries(architectures)) {
      expect(guide).toContain(`\`${name}\``);
      const rows = guide.slice(guide.indexOf(`\n| \`${name}\` | \`${Object.keys(params)[0]}\` |`)).split('\n');
      Object.entries(params).forEach(([key, { fallback }], i) => {
        const value =
          typeof fallback === 'number'
            ? `${fallback}`
            : `\`${JSON.stringify(fallback).replaceAll(',', ', ').replaceAll('"', '')}\``;
        expect(rows[i + 1], `${name} ${key}`).toContain(`| \`${key}\` | ${value} |`);
      });
    }
  });
});
