import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel, float, float32, GraphBuilder, int64, ints, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import type { AdversarialSpec } from '../losses/adversarial.js';
import type { OptimizerSpec } from '../optimizers.js';
import { predict } from '../predict.js';
import { Random } from '../random.js';
import { floatsOf, packFrom, unpack } from '../parameters.js';
import { LOSS, nextOf, PARAMETERS } from '../step-parts.js';
import { BETWEEN, buildDiscriminatorStep, buildGeneratorStep, NOISE, OTHER, REAL } from './graph.js';
import type { GanOptions } from './options.js';
import { trainGan } from './train.js';

interface Side {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

interface Case {
  readonly name: string;
  readonly kind: AdversarialSpec['kind'];
  readonly shape: readonly number[];
  readonly noise: readonly number[];
  readonly real: readonly number[];
  readonly between: readonly number[];
  readonly parameters: Readonly<Record<string, { dims: number[]; values: number[] }>>;
  readonly discriminator: Side;
  readonly generator: Side;
}

const { adversarial: cases } = JSON.parse(
  readFileSync(new URL('../../goldens/objectives.golden.json', import.meta.url), 'utf8'),
) as { adversarial: readonly Case[] };

function networks(c: Case): { generator: Model; discriminator: Model } {
  const constant = (b: GraphBuilder, name: string): string => {
    const { dims, values } = c.parameters[name]!;
    return b.constant(float32(dims, values), name);
  };
  const g = new GraphBuilder();
  const product = g.node('MatMul', [g.input('z', 'float32', ['N', 2]), constant(g, 'g.w')]);
  const sample = g.node('Tanh', [g.node('Add', [product, constant(g, 'g.b')])]);
  const shaped = c.shape.length === 1 ? sample : g.node('Reshape', [sample, g.constant(int64([4], [-1, ...c.shape]))]);
  g.output(shaped, 'float32', ['N', ...c.shape]);
  const d = new GraphBuilder();
  const x = d.input('x', 'float32', ['N', ...c.shape]);
  const hidden =
    c.shape.length === 1
      ? d.node('Tanh', [d.node('Gemm', [x, constant(d, 'd.w1'), constant(d, 'd.b1')])])
      : d.node('Flatten', [
          d.node(
            'LeakyRelu',
            [
              d.node('Conv', [x, constant(d, 'd.w1'), constant(d, 'd.b1')], {
                strides: ints([2, 2]),
                pads: ints([1, 1, 1, 1]),
              }),
            ],
            { alpha: float(0.2) },
          ),
        ]);
  d.output(d.node('Gemm', [hidden, constant(d, 'd.w2'), constant(d, 'd.b2')]), 'float32', ['N', 1]);
  return { generator: g.build(), discriminator: d.build() };
}

describe('both steps against PyTorch in double precision', () => {
  for (const c of cases) {
    for (const who of ['discriminator', 'generator'] as const) {
      it(`${c.name}, ${who}`, async () => {
        const models = networks(c);
        const build = who === 'generator' ? buildGeneratorStep : buildDiscriminatorStep;
        // With plain descent and a rate of 1 the gradient is what the parameters lose.
        const optimizer = { name: 'sgd', learningRate: 1, momentum: 0 } as const;
        const graph = build({ ...models, batch: 3, loss: { kind: c.kind }, optimizer });
        const mine = packFrom(models[who].graph, graph.parameters);
        const theirs = packFrom(models[who === 'generator' ? 'discriminator' : 'generator'].graph, graph.other);
        const session = await createSession(encodeModel(graph.model));
        const all: Record<string, Tensor> = {
          [NOISE]: float32([3, 2], c.noise),
          [REAL]: float32([3, ...c.shape], c.real),
          [BETWEEN]: float32([3], c.between),
          [PARAMETERS]: float32([mine.length], mine),
          [OTHER]: float32([theirs.length], theirs),
          'step.learning_rate': float32([], [1]),
        };
        const out = await session.run(Object.fromEntries(session.inputNames.map((n) => [n, all[n]!])));
        await session.release();
        const floats = (name: string): Float32Array => out[name]!.data as Float32Array;
        expect(Math.abs(floats(LOSS)[0]! - c[who].loss)).toBeLessThan(3e-6 * Math.max(1, Math.abs(c[who].loss)));
        const lost = unpack(
          graph.parameters,
          floats(nextOf(PARAMETERS)).map((v, i) => mine[i]! - v),
        );
        expect([...lost.keys()].sort()).toEqual(Object.keys(c[who].gradients).sort());
        for (const [name, want] of Object.entries(c[who].gradients)) {
          const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0.1);
          want.forEach((w, i) => expect(Math.abs(lost.get(name)![i]! - w)).toBeLessThan(4e-6 * scale));
        }
      });
    }
  }
});

/** Points on a circle of radius 0.7, a little beside it. */
function circle(count: number): Float32Array {
  const random = new Random(5, 'circle');
  const x = new Float32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const angle = random.uniform(0, 2 * Math.PI);
    x[2 * i] = 0.7 * Math.cos(angle) + 0.02 * random.normal();
    x[2 * i + 1] = 0.7 * Math.sin(angle) + 0.02 * random.normal();
  }
  return x;
}

const mlp = (input: number, outputs: number, seed: number): Model =>
  buildArchitecture('mlp', { input: [input], classes: outputs, params: { hidden: [32, 32] } }, seed);

const toy = (more: Partial<GanOptions> = {}): GanOptions => {
  const adam = { name: 'adam', learningRate: 0.002, beta1: 0.5 } as const;
  return {
    generator: mlp(4, 2, 1),
    discriminator: mlp(2, 1, 2),
    createSession,
    real: { x: circle(1024), shape: [2] },
    steps: 12,
    batchSize: 64,
    optimizer: { generator: adam, discriminator: adam },
    ...more,
  };
};

/** Radii of samples, and how many of eight sectors they fall into. */
async function samples(generator: Model): Promise<{ radii: number[]; sectors: number }> {
  const random = new Random(9, 'noise');
  const x = Float32Array.from({ length: 500 * 4 }, () => random.normal());
  const { logits } = await predict(generator, { x, shape: [4], y: new Int32Array(500) }, createSession);
  const points = Array.from({ length: 500 }, (_, i) => [logits[2 * i]!, logits[2 * i + 1]!] as const);
  const sector = (y: number, x: number): number => Math.floor(((Math.atan2(y, x) + Math.PI) / (2 * Math.PI)) * 8) % 8;
  return {
    radii: points.map(([a, b]) => Math.hypot(a, b)),
    sectors: new Set(points.map(([a, b]) => sector(b, a))).size,
  };
}

describe('trainGan', () => {
  // Shares of samples within 0.15 of the circle; critics with a gradient penalty take more steps than a test has time for.
  for (const [loss, steps, discriminatorSteps, share] of [
    [{ kind: 'non-saturating' }, 1500, 1, 0.8],
    [{ kind: 'wasserstein', penaltyWeight: 1 }, 1000, 2, 0.4],
  ] as const) {
    it(`${loss.kind}: learns a circle`, async () => {
      const averaging = { kind: 'ema', decay: 0.99 } as const;
      const options = toy({ loss, steps, averaging, discriminatorSteps });
      const near = ({ radii }: { radii: number[] }): number =>
        radii.filter((r) => Math.abs(r - 0.7) < 0.15).length / radii.length;
      expect(near(await samples(options.generator))).toBeLessThan(0.2);
      const after = await samples((await trainGan(options)).generator);
      expect(near(after)).toBeGreaterThan(share);
      expect(after.sectors).toBe(8);
    });
  }

  it('same seed, same bytes; a killed run resumes to them; another seed differs', async () => {
    const checkpoints: Uint8Array[] = [];
    const saveCheckpoint = (bytes: Uint8Array): void => void checkpoints.push(bytes);
    const common = { loss: { kind: 'wasserstein' }, averaging: { kind: 'ema' } } as const;
    const whole = await trainGan(toy({ ...common, saveCheckpoint, checkpointEverySteps: 5 }));
    const resumed = await trainGan(toy({ ...common, resumeFrom: checkpoints[1] }));
    const other = await trainGan(toy({ ...common, seed: 2 }));
    for (const who of ['generator', 'discriminator'] as const) {
      expect(Buffer.compare(resumed.bytes[who], whole.bytes[who])).toBe(0);
      expect(Buffer.compare(other.bytes[who], whole.bytes[who])).not.toBe(0);
    }
    await expect(trainGan(toy({ ...common, seed: 3, resumeFrom: checkpoints[1] }))).rejects.toMatchObject({
      code: 'bad-checkpoint',
    });
  });

  it('steps the convolutional architectures, whose normalisations keep running statistics', async () => {
    const params = { features: 4 };
    const generator = buildArchitecture(
      'dcgan-generator',
      { input: [8], classes: 1, params: { ...params, channels: 1, size: 28 } },
      1,
    );
    const discriminator = buildArchitecture('dcgan-discriminator', { input: [1, 28, 28], classes: 1, params }, 2);
    const random = new Random(1, 'images');
    const real = { x: Float32Array.from({ length: 16 * 784 }, () => random.uniform(-1, 1)), shape: [1, 28, 28] };
    const result = await trainGan(toy({ generator, discriminator, real, batchSize: 8, steps: 2 }));
    const { logits, width } = await predict(
      result.generator,
      { x: Float32Array.from({ length: 16 }, () => random.normal()), shape: [8], y: new Int32Array(2) },
      createSession,
    );
    expect(width).toBe(784);
    expect(logits.every((v) => Math.abs(v) <= 1)).toBe(true);
    const changed = (before: Model, after: Model): string[] =>
      [...before.graph.initializers]
        .filter(([name, s]) => s.value !== after.graph.initializers.get(name)!.value)
        .map(([n]) => n);
    const running = result.generator.graph.nodes.find((n) => n.op === 'BatchNormalization')!.inputs[3]!;
    expect(changed(generator, result.generator)).toContain(running);
  });

  it('leaves what a group freezes as it is, in either network', async () => {
    const frozen = (model: Model): OptimizerSpec => {
      const [first] = model.graph.initializers.keys();
      return { name: 'adam', learningRate: 0.01, groups: [{ match: [first!], frozen: true }] };
    };
    const { generator, discriminator } = toy();
    const optimizer = { generator: frozen(generator), discriminator: frozen(discriminator) };
    const after = await trainGan(toy({ optimizer }));
    for (const [before, model] of [
      [generator, after.generator],
      [discriminator, after.discriminator],
    ] as const) {
      const values = (of: Model): string[] => [...of.graph.initializers.values()].map((s) => String(floatsOf(s)));
      const [then, now] = [values(before), values(model)];
      expect(now.map((v, i) => v === then[i])).toEqual(then.map((_, i) => i === 0));
    }
  });

  it('names what does not fit', async () => {
    const schedule = { name: 'cosine', finalFraction: 2 } as const;
    const bad = trainGan(toy({ steps: 0, batchSize: 2000, schedule }));
    await expect(bad).rejects.toMatchObject({ code: 'bad-options', problems: { length: 3 } });
    const wrong = trainGan(toy({ generator: mlp(4, 3, 1), discriminator: mlp(2, 2, 2) }));
    await expect(wrong).rejects.toMatchObject({ code: 'bad-model', problems: { length: 2 } });
  });
});
