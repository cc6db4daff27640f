import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../conformance/archive.js';
import {
  ACCEPT,
  checkModel,
  compareModels,
  constantPattern,
  decodeModel,
  float32,
  GraphBuilder,
  graphAttr,
  int,
  int64,
  OnnxError,
  opPattern,
  randomFeeds,
  simplify,
  summarize,
  valuePattern,
  type Model,
  type Rule,
  type SimplifyOptions,
} from '../index.js';
import { network, ops, randomTensor } from '../rewrite/numbers.js';

/** A layer as exporters write it: padding, convolution, normalisation, and a shape that is computed. */
function exported(): Model {
  return network(['n', 2, 6, 6], (b, x) => {
    const padded = b.node('Pad', [x, b.constant(int64([8], [0, 0, 1, 1, 0, 0, 1, 1]))]);
    const conv = b.node('Conv', [padded, b.constant(randomTensor([3, 2, 3, 3], 2))]);
    const gain = b.node('Sqrt', [b.constant(float32([3, 1, 1], [1, 4, 9]))]);
    const relu = b.node('Relu', [b.node('Mul', [conv, gain])]);
    const batch = b.node('Gather', [b.node('Shape', [relu]), b.constant(int64([1], [0]))]);
    const shape = b.node('Concat', [batch, b.constant(int64([1], [-1]))], { axis: int(0) });
    return b.node('Identity', [b.node('Reshape', [relu, shape])]);
  });
}

describe('simplifying', () => {
  it('leaves what a person would write, counts it by rule, and measures the numbers', async () => {
    const { model, nodesBefore, nodesAfter, steps, comparison } = await simplify(exported(), createSession);
    expect(ops(model)).toEqual(['Conv', 'Relu', 'Reshape']);
    expect([nodesBefore, nodesAfter]).toEqual([10, 3]);
    const fired = Object.fromEntries(steps.map((s) => [s.rule, s.fired]));
    expect(fired).toMatchObject({ constants: 1, 'static-reshape': 1, 'pad-into-conv': 1, 'constant-into-conv': 1 });
    expect(steps.reduce((sum, s) => sum + s.nodesRemoved, 0)).toBe(7);
    expect(comparison).toMatchObject({ runs: 3, within: true });
    expect(comparison!.relative).toBeLessThan(1e-6);
    // The batch stays open and the interface as it was.
    expect(model.graph.inputs).toEqual(exported().graph.inputs);
    expect(model.graph.outputs.map((o) => o.name)).toEqual(exported().graph.outputs.map((o) => o.name));
  });

  it('moves no rounding without fusions', async () => {
    const { model, comparison } = await simplify(exported(), createSession, { fuse: false });
    expect(ops(model)).toEqual(['Conv', 'Mul', 'Relu', 'Reshape']);
    expect(comparison!.absolute).toBe(0);
  });

  it('freezes sizes when told to', async () => {
    const { model } = await simplify(exported(), createSession, { dims: { n: 4 } });
    expect(model.graph.inputs[0]!.type).toMatchObject({ shape: [4, 2, 6, 6] });
    expect(model.graph.outputs[0]!.type).toMatchObject({ shape: [4, 108] });
  });

  it('simplifies branches, with what they read from outside', async () => {
    const model = network([4], (b, x) => {
      const flag = b.input('flag', 'bool', []);
      const scale = b.constant(float32([4], [1, 4, 9, 16]));
      const branch = (op: string): ReturnType<typeof graphAttr> => {
        const inner = new GraphBuilder(undefined, new Set([x, flag, scale]));
        const root = inner.node('Sqrt', [scale], {}, 1, { outputNames: [b.fresh('root')] });
        const y = inner.node(op, [x, root], {}, 1, { outputNames: [b.fresh('inner')] });
        inner.output(inner.node('Identity', [y], {}, 1, { outputNames: [b.fresh('out')] }), 'float32', [4]);
        return graphAttr(inner.graph);
      };
      return b.node('If', [flag], { then_branch: branch('Mul'), else_branch: branch('Div') });
    });
    const { model: result, nodesBefore, nodesAfter } = await simplify(model, createSession, { verify: { runs: 8 } });
    expect([nodesBefore, nodesAfter]).toEqual([7, 3]);
    expect(checkModel(result)).toEqual([]);
  });

  it('takes initializers of old files for the constants that they are', async () => {
    const model = network(
      [2],
      (b, x) => b.node('Add', [x, b.node('Neg', [b.initializer('c', float32([2], [1, 2]))])]),
      {
        opset: 8,
        irVersion: 4,
      },
    );
    const c = model.graph.initializers.get('c')!;
    const old: Model = {
      ...model,
      irVersion: 3,
      graph: {
        ...model.graph,
        inputs: [...model.graph.inputs, { name: 'c', type: { kind: 'tensor', dtype: 'float32', shape: [2] } }],
        initializers: new Map([['c', c]]),
      },
    };
    const { model: result } = await simplify(old, createSession);
    expect([ops(result), result.irVersion, result.graph.inputs.length]).toEqual([['Add'], 4, 1]);
  });

  it('refuses a result whose numbers differ, and rules without an end', async () => {
    const bad: Rule = {
      name: 'bad',
      pattern: opPattern('Mul', [valuePattern('x'), constantPattern('c')]),
      check: () => ACCEPT,
      rewrite: (match) => match.value('x'),
    };
    const model = network([3], (b, x) => b.node('Relu', [b.node('Mul', [x, b.constant(float32([], [1.01]))])]));
    const code = async (options: SimplifyOptions): Promise<string> => {
      try {
        await simplify(model, createSession, options);
      } catch (error) {
        return error instanceof OnnxError ? error.code : String(error);
      }
      return 'none';
    };
    expect(await code({ rules: [bad] })).toBe('numbers-differ');
    expect(await code({ rules: [bad], verify: { tolerance: { absolute: 0, relative: 0.02 } } })).toBe('none');
    const flip: Rule = { ...bad, name: 'flip', rewrite: (m, b) => b.node('Mul', [m.value('x'), m.value('c')]) };
    expect(await code({ rules: [flip] })).toBe('rewrite');
  });
});

describe('comparing', () => {
  it('measures against the largest number, and tells other shapes and NaN from numbers', async () => {
    const scaled = (factor: number) => network([5], (b, x) => b.node('Mul', [x, b.constant(float32([], [factor]))]));
    const off = await compareModels(scaled(2), scaled(2.002), createSession, { runs: 2 });
    expect(off.within).toBe(false);
    expect(off.relative).toBeCloseTo(1e-3, 5);
    const nan = network([5], (b, x) => b.node('Mul', [b.node('Sqrt', [x]), b.constant(float32([], [2]))]));
    expect((await compareModels(scaled(2), nan, createSession)).absolute).toBe(Infinity);
    expect((await compareModels(nan, nan, createSession)).absolute).toBe(0);
    const long = network([5], (b, x) => {
      const twice = b.node('Concat', [x, x], { axis: int(0) });
      return b.node('Mul', [twice, twice]);
    });
    expect((await compareModels(scaled(1), long, createSession)).absolute).toBe(Infinity);
  });

  it('draws the same inputs for the same seed, of every type that it knows', () => {
    const model = network(['n', 3], (b, x) => {
      for (const dtype of ['int64', 'uint8', 'bool', 'float16', 'float64', 'int32'] as const)
        b.input(dtype, dtype, ['n']);
      return b.node('Relu', [x]);
    });
    const feeds = randomFeeds(model, { dims: { n: 50 }, seed: 7 });
    expect(feeds).toEqual(randomFeeds(model, { dims: { n: 50 }, seed: 7 }));
    expect(feeds).not.toEqual(randomFeeds(model, { dims: { n: 50 }, seed: 8 }));
    for (const name of ['int64', 'uint8', 'bool', 'int32']) {
      expect([...new Set(Array.from(feeds[name]!.data as Iterable<number | bigint>, Number))].sort()).toEqual([0, 1]);
    }
    const other = network([2], (b, x) => b.node('Relu', [b.input('z', 'complex64', [2]) && x]));
    expect(() => randomFeeds(other)).toThrow(/"z" is of complex64/);
  });
});

describe('published networks', () => {
  const folder = dataFolder('simplification of published networks');
  const sampling = { dims: { batch: 1, sequence: 512 }, given: { sr: int64([], [16000]) } };
  it.skipIf(!folder).each<[string, number, number, SimplifyOptions['verify']]>([
    ['mobilenetv2/mobilenet_v2_keras_coral_fp32_restored.onnx', 102, 101, { runs: 1 }],
    ['mlperf-tiny/ic/resnet8_cifar10_fp32.onnx', 24, 23, {}],
    ['dtln/model_1.onnx', 36, 21, {}],
    ['dtln/model_2.onnx', 78, 66, {}],
    ['silero-vad/silero_vad_16k_op15.onnx', 350, 37, sampling],
  ])('%s: %d nodes, then %d', async (path, before, after, verify) => {
    const model = decodeModel(readFileSync(join(folder!, path)));
    const result = await simplify(model, createSession, { verify: verify ?? {} });
    expect(result.nodesBefore).toBe(before);
    // No more than was reached; shape inference may come to know more.
    expect(result.nodesAfter).toBeLessThanOrEqual(after);
    expect(result.comparison!.relative).toBeLessThan(1e-5);
    expect(summarize(result.model).parameters).toBeLessThanOrEqual(summarize(model).parameters);
  });
});
