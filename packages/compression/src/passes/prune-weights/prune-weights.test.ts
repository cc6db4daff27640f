import { fileURLToPath } from 'node:url';
import { RecipePass } from '@verge/contracts';
import { loadDigits, type Samples, splitSamples } from '@verge/data';
import { assertLegal, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../../test-models.js';
import { codebook, type CodebookOptions } from '../codebook/codebook.js';
import type { PassContext } from '../pass.js';
import { pruneWeights, type PruneWeightsOptions } from './prune-weights.js';
import { scoreWeights } from './score.js';

const digits = fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url));
const data = splitSamples(await loadDigits(digits));
const context: PassContext = { createSession, ...data };

const options = (given: object): PruneWeightsOptions =>
  RecipePass.parse({ pass: 'prune-weights', ...given }) as PruneWeightsOptions;

const trained = await fit({
  ...{ model: buildArchitecture('cnn', { input: [1, 8, 8], classes: 10 }), createSession },
  ...{ train: data.train, validation: data.validation, epochs: 6 },
  optimizer: { name: 'adamw', learningRate: 0.005 },
});

const accuracy = async (m: Model): Promise<number> =>
  score(await predict(m, data.test, createSession), data.test.y).accuracy;

/** Zeros in each matrix and kernel; none of them is -0. */
function zeros(model: Model): { zeros: number; all: number }[] {
  return [...model.graph.initializers.values()].flatMap(({ value }) => {
    if (!('data' in value) || value.dtype !== 'float32' || value.dims.length < 2) return [];
    const found = [...value.data].filter((v) => v === 0);
    expect(found.every((v) => Object.is(v, 0))).toBe(true);
    return [{ zeros: found.length, all: value.data.length }];
  });
}

describe('pruneWeights', () => {
  it('leaves the share of zeros that it says, exactly, through the training behind it', async () => {
    const fine = { epochs: 2, optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } };
    const made = await pruneWeights(trained.model, options({ ratio: 0.9, fineTune: fine }), context);
    assertLegal(made.model);
    const counted = zeros(made.model);
    for (const { zeros: none, all } of counted) expect(none).toBe(Math.floor(0.9 * all + 1e-9));
    const sum = (of: 'zeros' | 'all'): number => counted.reduce((total, c) => total + c[of], 0);
    expect(made.changes).toEqual({ weights: sum('all'), zeros: sum('zeros'), layers: counted.length, rounds: 1 });
    expect(made.notes).toHaveLength(counted.length);
  });

  it('holds more of the accuracy in steps and with training than at once without', async () => {
    const fineTune = { epochs: 3, optimizer: { name: 'adamw', learningRate: 0.003 } };
    const schedule = { by: 'gradual', rounds: 5 };
    const gradual = await pruneWeights(trained.model, options({ ratio: 0.95, scope: 'global', schedule, fineTune }), context); // prettier-ignore
    const bare = await pruneWeights(trained.model, options({ ratio: 0.95, scope: 'global', fineTune: { epochs: 0 } }), context); // prettier-ignore
    expect(gradual.changes['rounds']).toBe(5);
    expect(gradual.changes['zeros']).toBe(bare.changes['zeros']);
    expect(await accuracy(gradual.model)).toBeGreaterThan((await accuracy(bare.model)) + 0.1);
    expect(await accuracy(gradual.model)).toBeGreaterThan((await accuracy(trained.model)) - 0.06);
  });

  it('gives layers that are named a share of their own, keeps others whole, and says so', async () => {
    const nodes = trained.model.graph.nodes.filter((n) => ['Conv', 'Gemm'].includes(n.op)).map((n) => n.name);
    const [first, second] = nodes as [string, string];
    const made = await pruneWeights(
      trained.model,
      options({ ratio: 0.8, scope: 'global', keep: [first], ratios: [{ node: second, ratio: 0.5 }], fineTune: { epochs: 0 } }), // prettier-ignore
      context,
    );
    expect(made.declined).toEqual([{ node: first, reason: 'the recipe keeps it' }]);
    expect(made.notes!.find((note) => note.startsWith(second))).toMatch(/\(50\.0 %\)$/);
    const wrong = options({ ratio: 0.8, keep: ['no'], ratios: [{ node: 'nor this', ratio: 0.5 }] });
    await expect(pruneWeights(trained.model, wrong, context)).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: ["keep: there is no node 'no'", "ratios: there is no node 'nor this'"],
    });
    await expect(pruneWeights(trained.model, options({ ratio: 0.8, keep: nodes }), context)).rejects.toThrow(
      /no weight can be set to 0: .*the recipe keeps it/,
    );
  });

  it('leaves weights whole that the trained output does not depend on, and says so; without training none is left', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['N', 64]);
    const layer = (x: string, name: string, dims: [number, number], output?: string): string =>
      b.node('Gemm', [x, b.initializer(`${name}.weight`, randomTensor(dims, 2))], { transB: int(1) }, 1, {
        name,
        ...(output && { outputNames: [output] }),
      });
    const hidden = b.node('Relu', [layer('x', 'hidden', [16, 64])]);
    b.output(layer(hidden, 'classes', [10, 16], 'scores'), 'float32', ['N', 10]);
    b.output(layer(hidden, 'second', [30, 16], 'other'), 'float32', ['N', 30]);
    const flat = (part: Samples): Samples => ({ ...part, shape: [64] });
    const two = { createSession, train: flat(data.train), validation: flat(data.validation) };
    for (const importance of ['magnitude', 'taylor']) {
      const made = await pruneWeights(b.build(), options({ ratio: 0.5, importance, fineTune: { epochs: 1 } }), two);
      expect(made.declined).toEqual([{ node: 'second', reason: 'the output that is trained does not depend on it' }]);
      expect(made.changes).toMatchObject({ layers: 2, zeros: (16 * 64 + 10 * 16) / 2 });
    }
    const all = await pruneWeights(b.build(), options({ ratio: 0.5, fineTune: { epochs: 0 } }), two);
    expect(all.changes).toMatchObject({ layers: 3 });
    const coded = RecipePass.parse({ pass: 'codebook', scale: 'layer', fineTune: { epochs: 1 } }) as CodebookOptions;
    expect((await codebook(all.model, coded, two)).changes['weights']).toBe(2);
  });

  it('refuses to hold zeros in a weight that the optimiser freezes, and names both', async () => {
    const [conv] = trained.model.graph.nodes.filter((n) => n.op === 'Conv');
    const weight = conv!.inputs[1]!;
    const optimizer = { name: 'adamw', groups: [{ match: ['*bias*'] }, { match: [weight], frozen: true }] };
    const frozen = { ratio: 0.5, fineTune: { epochs: 1, optimizer } };
    await expect(pruneWeights(trained.model, options(frozen), context)).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: [
        `fineTune.optimizer.groups.1 (${weight}) freezes '${weight}' of '${conv!.name}', which the pass changes: name the node in \`keep\``,
      ],
    });
    const kept = await pruneWeights(trained.model, options({ ...frozen, keep: [conv!.name] }), context);
    expect(kept.declined).toEqual([{ node: conv!.name, reason: 'the recipe keeps it' }]);
    const coded = RecipePass.parse({ pass: 'codebook', fineTune: frozen.fineTune }) as CodebookOptions;
    await expect(codebook(trained.model, coded, context)).rejects.toThrow(/groups\.1 .* freezes/);
  });

  it('stops when asked', async () => {
    const run = pruneWeights(trained.model, options({ ratio: 0.5 }), { ...context, signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });
});

it('scores equal the closed form of a dense layer before softmax cross-entropy', async () => {
  const b = new GraphBuilder();
  b.input('x', 'float32', ['N', 2]);
  b.output(b.node('Gemm', ['x', b.initializer('w', randomTensor([3, 2], 2))], { transB: int(1) }), 'float32', ['N', 3]);
  const model = b.build();
  const x = Float32Array.of(0.5, -1, 2, 0.25);
  const samples = { x, shape: [2], y: Int32Array.of(1, 2), labels: ['a', 'b', 'c'], name: 'two' };
  const w = randomTensor([3, 2], 2).data;
  // One sample a batch: dL/dw = (softmax(z) - onehot) x^T.
  const slopes = [0, 1].map((n) => {
    const z = [0, 1, 2].map((k) => w[2 * k]! * x[2 * n]! + w[2 * k + 1]! * x[2 * n + 1]!);
    const total = z.reduce((sum, value) => sum + Math.exp(value), 0);
    return z.flatMap((v, k) => [0, 1].map((j) => (Math.exp(v) / total - (samples.y[n] === k ? 1 : 0)) * x[2 * n + j]!));
  });
  const scoresOf = async (importance: 'gradient' | 'taylor' | 'magnitude', norm: 1 | 2): Promise<Float64Array> => {
    const how = { importance, norm, batches: 2, batchSize: 1, createSession };
    return (await scoreWeights(model, new Map([['w', w]]), samples, how)).get('w')!;
  };
  const [one, two, effect, size] = [
    await scoresOf('gradient', 1),
    await scoresOf('gradient', 2),
    await scoresOf('taylor', 2),
    await scoresOf('magnitude', 2),
  ];
  for (let i = 0; i < 6; i++) {
    const [a, c] = slopes.map((s) => Math.abs(s[i]!)) as [number, number];
    expect(one[i]).toBeCloseTo((a + c) / 2, 5);
    expect(two[i]).toBeCloseTo(Math.sqrt((a * a + c * c) / 2), 5);
    expect(effect[i]).toBeCloseTo(Math.abs(w[i]!) * Math.sqrt((a * a + c * c) / 2), 5);
    expect(size[i]).toBe(Math.abs(w[i]!));
  }
});
