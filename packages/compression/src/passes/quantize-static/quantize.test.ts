import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import {
  assertLegal,
  convertOpset,
  decodeModel,
  encodeModel,
  GraphBuilder,
  int,
  tensorAttr,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { createSession, optimizedModel } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { fold } from '../fold/fold.js';
import { largestDifference, outputWith, randomTensor, shaken } from '../../test-models.js';
import { studyHistograms, studyRanges } from '../../study/calibrate.js';
import { Feeds } from '../../study/feeds.js';
import { planQuantization, tieActivations } from './plan.js';
import { quantizeStatic } from './quantize.js';

const outputOf = outputWith(createSession);

const train: Samples = {
  x: randomTensor([96, 1, 8, 8], 5).data,
  shape: [1, 8, 8],
  y: new Int32Array(96),
  labels: ['0'],
  name: 'noise',
};
const context = { createSession, train, validation: train };
const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 64 };
const x64 = { arch: 'x64' as const, int8Activation: 'uint8' as const, vnni: true };

const net = async (name: string, params: Record<string, number | string | number[]>): Promise<Model> =>
  (await fold(shaken(buildArchitecture(name, { input: [1, 8, 8], classes: 10, params })), createSession)).model;

const residual = await net('resnet', { channels: [8, 16] });
const separable = await net('dscnn', { stem: 8, channels: [16, 24] });
const pooled = await net('lenet', { kernel: 3 });

const opsAsRun = async (model: Model): Promise<string[]> =>
  decodeModel(await optimizedModel(encodeModel(model))).graph.nodes.map((n) => n.op);

describe('static int8', () => {
  it.each([
    ['residual', residual],
    ['depthwise-separable', separable],
    ['pooling and dense', pooled],
  ])('fuses completely in ONNX Runtime: %s', async (_, model) => {
    const { model: quantized } = await quantizeStatic(model, options, x64, context);
    assertLegal(quantized);
    const ops = await opsAsRun(quantized);
    for (const op of ['Conv', 'Gemm', 'Relu', 'Add', 'DequantizeLinear']) {
      expect(ops).not.toContain(op);
    }
    expect(ops.filter((op) => op === 'QuantizeLinear')).toHaveLength(1);
    expect(ops).toContain('QLinearConv');
    expect(ops).toContain('QGemm');
  });

  it.each([
    ['u8 activations, full range', x64, 0.08],
    ['u8 activations, pairs within 16 bits', { ...x64, vnni: false }, 0.12],
    ['s8 activations', { arch: 'arm64' as const, int8Activation: 'int8' as const, vnni: true }, 0.08],
  ])('stays close to float32: %s', async (_, target, tolerance) => {
    const { model: quantized, changes } = await quantizeStatic(residual, options, target, context);
    const x = randomTensor([8, 1, 8, 8], 9);
    const [expected, got] = [await outputOf(residual, x), await outputOf(quantized, x)];
    const spread = Math.max(...expected) - Math.min(...expected);
    expect(largestDifference(expected, got)).toBeLessThan(tolerance * spread);
    // Whatever the class has: the file may get to a CPU that adds pairs in 16 bits.
    expect(changes.narrowedChannels).toBeGreaterThan(0);
  });

  it.each(['percentile', 'entropy', 'mse', 'auto'] as const)('calibrates by %s', async (calibration) => {
    const { model: quantized } = await quantizeStatic(separable, { ...options, calibration }, x64, context);
    const x = randomTensor([8, 1, 8, 8], 9);
    const [expected, got] = [await outputOf(separable, x), await outputOf(quantized, x)];
    expect(largestDifference(expected, got)).toBeLessThan(0.08 * (Math.max(...expected) - Math.min(...expected)));
  });

  it('takes the range of each activation from all samples, batch by batch', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['N', 64]);
    b.output(b.node('Gemm', ['x', b.initializer('w', randomTensor([4, 64], 2))], { transB: int(1) }), 'float32', [
      'N',
      4,
    ]);
    const model = b.build();
    const groups = tieActivations(planQuantization(model));
    const flat = { ...train, shape: [64] };
    const feeds = new Feeds(model, flat);
    const expected = { min: Math.min(...train.x), max: Math.max(...train.x) };
    expect((await studyRanges(model, groups, feeds, { createSession })).get('x')).toEqual(expected);
    const histogram = (await studyHistograms(model, groups, feeds, { createSession })).get('x')!;
    expect([histogram.total, { min: histogram.min, max: histogram.max }]).toEqual([train.x.length, expected]);
  });

  it('keeps the names and types of inputs and outputs, also of an output that is quantized', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['N', 1, 8, 8]);
    b.node('Conv', ['x', b.initializer('w', randomTensor([4, 1, 3, 3], 2))], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['N', 4, 6, 6]);
    const model = b.build();
    const { model: quantized } = await quantizeStatic(model, options, x64, context);
    assertLegal(quantized);
    expect(quantized.graph.outputs).toEqual(model.graph.outputs);
    expect(await opsAsRun(quantized)).toContain('QLinearConv');
  });

  it('says what it declined, and refuses a model with nothing to quantize or an opset that cannot be raised', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 2]);
    b.output(b.node('MatMul', ['x', 'x']), 'float32', [2, 2]);
    const none = b.build();
    await expect(quantizeStatic(none, options, x64, context)).rejects.toMatchObject({
      code: 'unsuitable-model',
      problems: [expect.stringContaining('both factors are activations')],
    });
    const old = { ...residual, opsets: new Map([['', 3]]) };
    await expect(quantizeStatic(old, options, x64, context)).rejects.toMatchObject({ code: 'unsuitable-model' });
  });

  it('raises a model of an older operator set, and says by how many', async () => {
    const old = convertOpset(residual, 11).model;
    const { model: quantized, changes } = await quantizeStatic(old, options, x64, context);
    expect(quantized.opsets.get('')).toBe(13);
    expect(changes['operatorSetsRaised']).toBe(2);
    const { model: direct } = await quantizeStatic(convertOpset(residual, 13).model, options, x64, context);
    const x = randomTensor([8, 1, 8, 8], 9);
    expect(largestDifference(await outputOf(quantized, x), await outputOf(direct, x))).toBe(0);
  });

  it('finds weights in Constant nodes, and makes the same of them', async () => {
    const { graph } = residual;
    const weights = [...graph.initializers].filter(([, { value }]) => value.dims.length > 1);
    const nodes = weights.map(([name, { value }]): Node => {
      const attributes: Node['attributes'] = new Map([['value', tensorAttr(value as Tensor)]]);
      return { op: 'Constant', domain: '', name: '', inputs: [], outputs: [name], attributes };
    });
    const initializers = new Map([...graph.initializers].filter(([, { value }]) => value.dims.length <= 1));
    const inNodes = { ...residual, graph: { ...graph, initializers, nodes: [...nodes, ...graph.nodes] } };
    const plain = { ...options, biasCorrection: false };
    const { model: quantized, changes } = await quantizeStatic(inNodes, plain, x64, context);
    expect(changes['constantsLifted']).toBe(weights.length);
    const { model: direct } = await quantizeStatic(residual, plain, x64, context);
    expect(quantized.graph.nodes.map((n) => n.op)).toEqual(direct.graph.nodes.map((n) => n.op));
    const x = randomTensor([8, 1, 8, 8], 9);
    expect(await outputOf(quantized, x)).toEqual(await outputOf(direct, x));
  });

  it('names the activation that overflows on a calibration sample', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['N', 1, 8, 8]);
    const y = b.node('Conv', [b.node('Log', ['x']), b.initializer('w', randomTensor([4, 1, 3, 3], 2))]);
    b.output(y, 'float32', null);
    await expect(quantizeStatic(b.build(), options, x64, context)).rejects.toMatchObject({ code: 'bad-calibration' });
  });

  it('calibrates a model of several inputs and of token ids by the name of each', async () => {
    const b = new GraphBuilder();
    const rows = b.node('Gather', [b.initializer('table', randomTensor([5, 4], 1)), b.input('ids', 'int64', ['n'])]);
    const wide = b.node('MatMul', [b.input('x', 'float32', ['n', 3]), b.initializer('w', randomTensor([3, 4], 2))]);
    const sum = b.node('Add', [rows, wide]);
    b.node('MatMul', [sum, b.initializer('v', randomTensor([4, 2], 3))], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['n', 2]);
    const model = b.build({ opset: 17 });
    const ids = Float32Array.from({ length: 96 }, (_, i) => i % 5);
    const x = randomTensor([96, 3], 4).data;
    const samples = { ...train, x, shape: [3], inputs: { ids: { values: ids, shape: [] } } };
    const { model: quantized, changes } = await quantizeStatic(model, { ...options, samples: 96 }, x64, {
      ...context,
      train: samples,
    });
    expect(changes['weights']).toBe(2);
    const feeds = {
      x: { dtype: 'float32', dims: [96, 3], data: x },
      ids: { dtype: 'int64', dims: [96], data: BigInt64Array.from(ids, BigInt) },
    } as const;
    const [expected, got] = await Promise.all(
      [model, quantized].map(async (one) => {
        const session = await createSession(encodeModel(one));
        return (await session.run(feeds))['y']!.data as Float32Array;
      }),
    );
    const spread = Math.max(...expected!) - Math.min(...expected!);
    expect(largestDifference(got!, expected!)).toBeLessThan(0.02 * spread);
    const refused = (more: object) =>
      quantizeStatic(model, options, x64, { ...context, train: { ...samples, ...more } });
    await expect(refused({ inputs: {} })).rejects.toThrow("the samples hold one tensor for the inputs 'ids', 'x'");
    const half = { ids: { values: ids.map((v) => v + 0.5), shape: [] } };
    await expect(refused({ inputs: half })).rejects.toThrow("the input 'ids' is int64, the samples hold 0.5");
  });
});
