/** The rules against PyTorch's modules and torch.nn.init (`goldens/initialisation.py`), and what built-in networks draw by them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, type Model } from '@verge/onnx';
import { architectures, buildArchitecture, defaultInitialisation } from './architectures/registry.js';
import {
  biasDistribution,
  draw,
  fansOf,
  weightDistribution,
  type Distribution,
  type InitialisationRule,
  type Layer,
} from './initialisation.js';
import { floatsOf } from './parameters.js';
import { Random } from './random.js';

interface Figures {
  readonly elements: number;
  readonly deviation: number;
  readonly largest: number;
}

const golden = JSON.parse(
  readFileSync(new URL('../goldens/initialisation.golden.json', import.meta.url), 'utf8'),
) as Record<InitialisationRule, Record<string, Figures & { weight: Figures; bias?: Figures }>> & {
  layers: Record<string, Layer>;
};

/** Variance, fourth moment over the squared variance, and largest value of a distribution. */
function momentsOf(from: Distribution): { deviation: number; kurtosis: number; largest: number } {
  if (from.kind === 'uniform') return { deviation: from.bound / Math.sqrt(3), kurtosis: 1.8, largest: from.bound };
  const { deviation, cut } = from;
  if (cut === undefined) return { deviation, kurtosis: 3, largest: Infinity };
  // A normal variable cut off at c: variance 1 - 2 c phi(c) / (2 Phi(c) - 1), which is 0.7737 at c = 2.
  return { deviation: deviation * Math.sqrt(0.7737413), kurtosis: 2.36, largest: deviation * cut };
}

/** Five standard errors of a deviation that is estimated from so many values. */
const tolerance = (kurtosis: number, elements: number): number => 5 * Math.sqrt((kurtosis - 1) / (4 * elements));

function expectDrawn(values: readonly number[] | Float32Array, from: Distribution, what: string): void {
  const n = values.length;
  const { deviation, kurtosis, largest } = momentsOf(from);
  let [sum, squares, most] = [0, 0, 0];
  for (const v of values) {
    sum += v;
    squares += v * v;
    most = Math.max(most, Math.abs(v));
  }
  expect(Math.abs(sum / n), `mean of ${what}`).toBeLessThan((5 * deviation) / Math.sqrt(n));
  expect(Math.abs(Math.sqrt(squares / n) / deviation - 1), `deviation of ${what}`).toBeLessThan(tolerance(kurtosis, n));
  // float32 may round the bound itself up.
  expect(most, `largest of ${what}`).toBeLessThanOrEqual(largest * (1 + 1e-7));
  if (largest < Infinity && n >= 1000) expect(most, `largest of ${what}`).toBeGreaterThan(0.97 * largest);
}

/** What PyTorch drew is a sample of the distribution. */
function expectSample({ elements, deviation, largest }: Figures, from: Distribution, what: string): void {
  const own = momentsOf(from);
  expect(Math.abs(deviation / own.deviation - 1), what).toBeLessThan(tolerance(own.kurtosis, elements));
  // The golden file holds six digits.
  expect(largest, what).toBeLessThanOrEqual(own.largest * (1 + 1e-5));
  if (own.largest < Infinity && elements >= 1000) expect(largest, what).toBeGreaterThan(0.97 * own.largest);
}

const rules: readonly Exclude<InitialisationRule, 'he-glorot' | 'normal' | 'pytorch'>[] = [
  'he-normal',
  'he-uniform',
  'glorot-normal',
  'glorot-uniform',
  'lecun-normal',
  'truncated-normal',
];

describe('rules of initialisation', () => {
  const fans: [string, Layer, number, number][] = [
    ['convolution', { op: 'Conv', dims: [8, 4, 3, 5] }, 60, 120],
    ['depthwise convolution', { op: 'Conv', dims: [32, 1, 3, 3], group: 32 }, 9, 9],
    ['depthwise, two outputs a channel', { op: 'Conv', dims: [64, 1, 3, 3], group: 32 }, 9, 18],
    ['grouped convolution', { op: 'Conv', dims: [12, 2, 5], group: 3 }, 10, 20],
    ['transposed convolution', { op: 'ConvTranspose', dims: [4, 8, 3, 3] }, 36, 72],
    ['with strides', { op: 'ConvTranspose', dims: [4, 8, 4, 4], strides: [2, 2] }, 16, 128],
    ['with groups', { op: 'ConvTranspose', dims: [4, 8, 3], group: 2 }, 6, 24],
    ['Gemm', { op: 'Gemm', dims: [6, 10] }, 6, 10],
    ['Gemm with transB', { op: 'Gemm', dims: [10, 6], transB: true }, 6, 10],
    ['MatMul of a stack', { op: 'MatMul', dims: [3, 6, 10] }, 6, 10],
    ['LSTM', { op: 'LSTM', dims: [2, 16, 7] }, 7, 16],
    ['table', { op: 'Gather', dims: [50, 8] }, 50, 8],
  ];
  it.each(fans)('fans of a layer: %s', (_, layer, inside, outside) => {
    expect(fansOf(layer)).toEqual({ inside, outside });
  });

  it.each(Object.entries(golden.layers))('pytorch starts as the module of PyTorch does: %s', (name, layer) => {
    const { weight, bias } = golden.pytorch[name]!;
    expectSample(weight, weightDistribution('pytorch', layer), 'weight');
    if (bias) expectSample(bias, biasDistribution('pytorch', layer)!, 'bias');
  });

  it.each(rules)('%s is that of torch.nn.init', (rule) => {
    for (const [name, figures] of Object.entries(golden[rule]))
      expectSample(figures, weightDistribution(rule, golden.layers[name]!), name);
  });

  it.each([...rules, 'pytorch', 'normal', 'he-glorot'] as const)(
    '%s has the mean, variance and bounds that it says',
    (rule) => {
      for (const [name, layer] of Object.entries(golden.layers)) {
        const from = weightDistribution(rule, layer);
        const random = new Random(1, rule, name);
        expectDrawn(
          Array.from({ length: elementCount(layer.dims) }, () => draw(from, random)),
          from,
          name,
        );
        if (rule !== 'pytorch') expect(biasDistribution(rule, layer)).toBeUndefined();
      }
    },
  );

  it('he-glorot tells layers apart by what follows', () => {
    const dense = { op: 'Gemm', dims: [10, 6], transB: true };
    const same = (layer: Layer, rule: InitialisationRule): void =>
      expect(weightDistribution('he-glorot', layer)).toEqual(weightDistribution(rule, layer));
    same({ op: 'Conv', dims: [8, 1, 3, 3], group: 8 }, 'he-normal');
    same({ ...dense, rectified: true }, 'he-normal');
    same(dense, 'glorot-uniform');
    same({ op: 'GRU', dims: [1, 12, 5] }, 'pytorch');
  });
});

describe('built-in networks', () => {
  const values = (model: Model, name: string): Float32Array => floatsOf(model.graph.initializers.get(name))!;

  it('draw convolutions, depthwise ones and dense layers by the rule', () => {
    const params = { stem: 32, stemKernel: [5, 3], channels: [256] };
    for (const rule of [...rules, 'pytorch'] as const) {
      const model = buildArchitecture('dscnn', { input: [1, 16, 16], classes: 40, params, init: rule }, 5);
      const layers: [string, Layer][] = [
        ['stem.conv', { op: 'Conv', dims: [32, 1, 5, 3] }],
        ['block1.depth.conv', { op: 'Conv', dims: [32, 1, 3, 3], group: 32 }],
        ['block1.point.conv', { op: 'Conv', dims: [256, 32, 1, 1] }],
        ['output', { op: 'Gemm', dims: [40, 256], transB: true }],
      ];
      for (const [name, layer] of layers) {
        expect(model.graph.initializers.get(`${name}.weight`)!.value.dims).toEqual(layer.dims);
        expectDrawn(values(model, `${name}.weight`), weightDistribution(rule, layer), `${rule} ${name}`);
      }
      const bias = values(model, 'output.bias');
      if (rule === 'pytorch') expectDrawn(bias, { kind: 'uniform', bound: 1 / 16 }, 'bias');
      else expect(bias.every((v) => v === 0)).toBe(true);
    }
  });

  it('draw recurrent layers by the rule, and open forget gates where biases are not drawn', () => {
    const params = { cell: 'lstm', hidden: 32, bidirectional: true };
    const network = (init: InitialisationRule): Model =>
      buildArchitecture('recurrent', { input: [5, 20], classes: 3, params, init }, 5);
    for (const rule of [...rules, 'pytorch'] as const) {
      const model = network(rule);
      const [w, r] = [
        { op: 'LSTM', dims: [2, 128, 20] },
        { op: 'LSTM', dims: [2, 128, 32] },
      ] as const;
      expectDrawn(values(model, 'layer1.weight'), weightDistribution(rule, w), `${rule} W`);
      expectDrawn(values(model, 'layer1.recurrence'), weightDistribution(rule, r), `${rule} R`);
      const bias = values(model, 'layer1.bias');
      if (rule === 'pytorch') expectDrawn(bias, { kind: 'uniform', bound: 1 / Math.sqrt(32) }, 'B');
      // Gates i, o, f, c of W, then those of R, for each direction.
      else expect([...bias].map((v, i) => v === (Math.floor((i % 256) / 32) === 2 ? 1 : 0))).not.toContain(false);
    }
  });

  it('draw the same bytes for the same seed and rule, others for another', () => {
    const bytes = (init: InitialisationRule, seed = 3): string =>
      Buffer.from(encodeModel(buildArchitecture('mlp', { input: [6], classes: 2, init }, seed))).toString('base64');
    expect(bytes('pytorch')).toBe(bytes('pytorch'));
    expect(bytes('pytorch')).not.toBe(bytes('pytorch', 4));
    const all = [...rules, 'pytorch', 'normal', 'he-glorot'] as const;
    expect(new Set(all.map((rule) => bytes(rule))).size).toBe(all.length);
  });

  it('start by default as the architecture says', () => {
    const build = (name: string, input: number[], init?: 'default' | InitialisationRule): string =>
      createHash('sha256')
        .update(encodeModel(buildArchitecture(name, { input, classes: 2, init }, 3)))
        .digest('hex');
    const inputs: Record<string, number[]> = {
      dscnn: [1, 8, 8],
      recurrent: [4, 2],
      transformer: [4, 2],
      'dcgan-discriminator': [1, 28, 28],
    };
    for (const [name, input] of Object.entries(inputs)) {
      expect(build(name, input), name).toBe(build(name, input, defaultInitialisation(name)));
      expect(build(name, input, 'default'), name).toBe(build(name, input));
    }
    const separable = ['dscnn', 'mobilenetv1', 'mobilenetv2'];
    for (const name of Object.keys(architectures)) {
      const expected = separable.includes(name) ? 'pytorch' : name.startsWith('dcgan') ? 'normal' : 'he-glorot';
      expect(defaultInitialisation(name), name).toBe(expected);
    }
    expect(() => build('mlp', [4], 'xavier' as 'pytorch')).toThrow(
      expect.objectContaining({
        code: 'bad-options',
        message: expect.stringContaining('init: expected one of default, pytorch'),
      }),
    );
  });

  it('start residual branches at nothing where zeroInitResidual is set', () => {
    const model = buildArchitecture('resnet8', { input: [1, 8, 8], classes: 2, params: { zeroInitResidual: true } });
    const scales = [...model.graph.initializers.keys()].filter((name) => name.endsWith('.scale'));
    for (const name of scales) {
      const expected = name.endsWith('.b.bn.scale') ? 0 : 1;
      expect(
        values(model, name).every((v) => v === expected),
        name,
      ).toBe(true);
    }
    expect(scales.filter((name) => name.endsWith('.b.bn.scale'))).toHaveLength(3);
  });
});
