import type { Samples } from '@verge/data';
import { assertLegal, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { decibels, largestDifference, outputWith, randomIds, randomTensor, tokenNetwork } from '../../test-models.js';
import type { PassContext } from '../pass.js';
import { quantizeStatic } from '../quantize-static/quantize.js';
import { smooth, type SmoothOptions } from './smooth.js';

const options: SmoothOptions = { alpha: 'auto', multiply: true, samples: 64, keep: [] };
const outputOf = outputWith(createSession);
const contextOf = (x: Samples['x'], shape: number[]): PassContext => {
  const train: Samples = { x, shape, y: new Int32Array(x.length / shape.reduce((a, b) => a * b, 1)), labels: [], name: 'random' }; // prettier-ignore
  return { createSession, train, validation: train };
};
const ids = randomIds([32, 8]);
const words = contextOf(Float32Array.from(ids.data, Number), [8]);

/** A network over token ids, a few of whose channels are sixty times as large behind the normalisation, as in large models. */
function withOutliers(): Model {
  const model = tokenNetwork();
  const data = (name: string): Float32Array => {
    const { value } = model.graph.initializers.get(name)!;
    if (value.dtype !== 'float32' || !('data' in value)) throw new TypeError(name);
    return value.data;
  };
  const [gamma, up] = [data('gamma'), data('up')];
  for (const channel of [3, 17, 40]) {
    gamma[channel]! *= 60;
    for (let k = 0; k < 128; k++) up[channel * 128 + k]! /= 20;
  }
  return model;
}

/** The layer behind the normalisation. */
const upper = (model: Model): string => model.graph.nodes.find((n) => n.inputs[1] === 'up')!.name;

describe('smooth', () => {
  it('leaves the outputs as they are, and int8 loses less', async () => {
    const source = withOutliers();
    const made = await smooth(source, options, words);
    assertLegal(made.model);
    const exact = await outputOf(source, ids);
    const largest = exact.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    expect(largestDifference(exact, await outputOf(made.model, ids))).toBeLessThan(1e-5 * largest);
    expect(made.changes['folded']).toBeGreaterThan(0);
    const quantized = async (model: Model): Promise<number> => {
      const target = { arch: 'x64', int8Activation: 'uint8', vnni: true } as const;
      const how = { calibration: 'min-max', percentile: 100, samples: 32, biasCorrection: false } as const;
      return decibels(exact, await outputOf((await quantizeStatic(model, how, target, words)).model, ids));
    };
    const [before, after] = [await quantized(source), await quantized(made.model)];
    expect(after - before).toBeGreaterThan(3);
    const note = made.notes!.find((n) => n.startsWith(upper(source)))!;
    const [, from, to] = /products in 8 bits ([\d.]+) to ([\d.]+) dB/.exec(note)!;
    expect(Number(to)).toBeGreaterThan(Number(from) + 3);
  });

  it('takes the strength that is asked for, and the best of several when it is asked to search', async () => {
    const gain = async (alpha: SmoothOptions['alpha']): Promise<number> => {
      const made = await smooth(withOutliers(), { ...options, alpha }, words);
      const told = made.notes!.find((n) => n.startsWith(upper(withOutliers())))!;
      if (alpha !== 'auto') expect(made.notes!.every((n) => n.includes(`alpha ${alpha},`))).toBe(true);
      return Number(/to ([\d.]+) dB/.exec(told)![1]);
    };
    const all = [await gain(0.3), await gain(0.5), await gain(0.8)];
    expect(await gain('auto')).toBeGreaterThanOrEqual(Math.max(...all));
  });

  it('says what it leaves', async () => {
    const source = withOutliers();
    const [named, head] = [upper(source), source.graph.nodes.at(-1)!.name];
    const made = await smooth(source, { ...options, keep: [named, head] }, words);
    const reasons = new Map(made.declined.map((d) => [d.node, d.reason]));
    expect(reasons.get(named)).toBe('the recipe keeps it');
    expect(reasons.get(head)).toBe('the recipe keeps it');
    expect(reasons.get('querys + keys + values')).toMatch(/gain -?[\d.]+ dB/);
    const bare = await smooth(source, { ...options, alpha: 0.5, multiply: false }, words);
    expect(bare.changes['multiplied']).toBe(0);
    expect(bare.declined.map((d) => d.reason)).toContainEqual(expect.stringMatching(/wants no multiplication/));
    await expect(smooth(source, { ...options, keep: ['foot'] }, words)).rejects.toThrow(/no node 'foot'/);
  });
});

/** A value of [n, 3, 16] made in some way, then a product: what makes it takes the factors, or a multiplication does. */
const makers: Record<string, [folded: boolean, make: (g: GraphBuilder, x: string) => string]> = {
  LayerNormalization: [true, (g, x) => g.node('LayerNormalization', [x, w(g, 'gamma', 16), w(g, 'beta', 16)])],
  'LayerNormalization without bias': [true, (g, x) => g.node('LayerNormalization', [x, w(g, 'gamma', 16)])],
  'LayerNormalization over two axes': [false, (g, x) => g.node('LayerNormalization', [x, w(g, 'gamma', 3, 16)], { axis: int(1) })], // prettier-ignore
  'its last two nodes': [true, (g, x) => g.node('Add', [g.node('Mul', [g.node('Tanh', [x]), w(g, 'a', 16)]), w(g, 'b', 16)])], // prettier-ignore
  'a single number': [true, (g, x) => g.node('Mul', [w(g, 'one'), g.node('Tanh', [x])])],
  Div: [true, (g, x) => g.node('Sub', [g.node('Div', [x, w(g, 'd', 16)]), w(g, 'c', 1)])],
  'a product behind Relu': [true, (g, x) => g.node('Relu', [g.node('Add', [w(g, 'b', 16), g.node('MatMul', [x, w(g, 'm', 16, 16)])])])], // prettier-ignore
  Gelu: [false, (g, x) => g.node('Gelu', [g.node('MatMul', [x, w(g, 'm', 16, 16)])])],
  'the input': [false, (_, x) => x],
  'a value that something else reads': [false, (g, x) => {
    const y = g.node('Mul', [x, w(g, 'a', 16)]);
    g.output(g.node('Neg', [y], {}, 1, { name: 'other' }), 'float32', null);
    return y;
  }], // prettier-ignore
};
const w = (g: GraphBuilder, name: string, ...dims: number[]): string =>
  g.initializer(name, float32(dims, randomTensor(dims, name.length + dims.length).data.map((v) => (v > 0 ? 0.5 : -0.5) + v))); // prettier-ignore

describe('what makes a value', () => {
  it.each(Object.entries(makers))('%s', async (_, [folded, make]) => {
    const g = new GraphBuilder();
    const value = make(g, g.input('x', 'float32', ['n', 3, 16]));
    g.node('MatMul', [value, w(g, 'last', 16, 8)], {}, 1, { name: 'last product', outputNames: ['y'] });
    g.graph.outputs.unshift({ name: 'y', type: { kind: 'tensor', dtype: 'float32', shape: null } });
    const source = g.build();
    const x = randomTensor([6, 3, 16], 3);
    const made = await smooth(source, { ...options, alpha: 0.7, keep: [] }, contextOf(x.data, [3, 16]));
    assertLegal(made.model);
    const of = made.notes!.filter((n) => n.startsWith('last product'));
    expect(of).toHaveLength(1);
    const multiplied = made.model.graph.nodes.some((n) => n.name === 'smooth');
    // Of two products in a row both are smoothed: the first has but the input before it.
    if (!source.graph.nodes.some((n) => n.op === 'MatMul' && n.name !== 'last product'))
      expect(multiplied).toBe(!folded);
    expect(made.changes[folded ? 'folded' : 'multiplied']).toBeGreaterThan(0);
    const [exact, got] = [await outputOf(source, x), await outputOf(made.model, x)];
    expect(largestDifference(exact, got)).toBeLessThan(1e-5 * Math.max(...exact.map(Math.abs)));
    const gemm = new GraphBuilder();
    const flat = gemm.node('Gemm', [gemm.input('x', 'float32', ['n', 16]), w(gemm, 'm', 16, 16), w(gemm, 'bias', 16)], { transB: int(1) }); // prettier-ignore
    gemm.node('Gemm', [flat, w(gemm, 'k', 8, 16)], { transB: int(1) }, 1, { name: 'last', outputNames: ['y'] });
    gemm.output('y', 'float32', null);
    const two = gemm.build();
    const rows = randomTensor([12, 16], 5);
    const smoothed = await smooth(two, { ...options, alpha: 0.4 }, contextOf(rows.data, [16]));
    expect(smoothed.changes).toMatchObject({ groups: 2, folded: 1, multiplied: 1 });
    const right = await outputOf(two, rows);
    expect(largestDifference(right, await outputOf(smoothed.model, rows))).toBeLessThan(1e-5 * Math.max(...right.map(Math.abs))); // prettier-ignore
  });
});
