import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, GraphBuilder, int, type Model, type Node, normalise } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { loadDigits, splitSamples } from '@verge/data';
import { fold } from '../passes/fold/fold.js';
import { float16 } from '../passes/float16/float16.js';
import { quantizeDynamic } from '../passes/quantize-dynamic/quantize.js';
import { quantizeStatic } from '../passes/quantize-static/quantize.js';
import { quantizeWeights, type QuantizeWeightsOptions } from '../passes/quantize-weights/quantize.js';
import { tokenNetwork } from '../test-models.js';
import { checkTarget, targetNamed, targets, type Finding } from './index.js';
import { kernelOrder, overflows, type KernelOrder } from './kernel-pairs.js';
import { channelsThatMaySaturate } from './rules/saturation.js';

const digits = fileURLToPath(new URL('../../../../datasets/digits/', import.meta.url));

/** A convolutional network of the built-in kind, folded, at batch 1. */
async function floats(channels = [16, 32]): Promise<Model> {
  const built = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels } });
  const { model } = await fold(normalise(decodeModel(encodeModel(built))).model, createSession);
  for (const input of model.graph.inputs)
    if (input.type?.kind === 'tensor' && input.type.shape)
      input.type = { ...input.type, shape: [1, ...input.type.shape.slice(1)] };
  return model;
}

async function integers(activation: 'uint8' | 'int8', vnni: boolean): Promise<Model> {
  const data = splitSamples(await loadDigits(digits));
  const target = { name: 'any', arch: 'x64' as const, threads: 1, int8Activation: activation, vnni };
  const pass = { pass: 'quantize-static' as const, calibration: 'min-max' as const, percentile: 99.99, samples: 32 };
  return (await quantizeStatic(await floats(), pass, target, { createSession, ...data })).model;
}

const broken = (model: Model, target: string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { rule } of checkTarget(model, targetNamed(target))) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
};

describe('targets', () => {
  it('have names of their own, and say where each rule comes from', () => {
    expect(new Set(targets.map((t) => t.name)).size).toBe(targets.length);
    for (const target of targets)
      for (const rule of target.rules)
        expect([target.name, rule.name, rule.source.length > 20]).toEqual([target.name, rule.name, true]);
    expect(() => targetNamed('pi')).toThrow(/expected one of x64-vnni/);
  });

  it('take a network of floats where floats are computed, and name what is not there', async () => {
    const model = await floats();
    for (const name of [
      'x64-vnni',
      'x64-avx2',
      'raspberry-pi-4',
      'raspberry-pi-5',
      'webgpu',
      'jetson-tensorrt',
      'openvino',
    ])
      expect([name, broken(model, name)]).toEqual([name, {}]);
    // Nothing of it is in integers.
    const computing = model.graph.nodes.length;
    expect(broken(model, 'edge-tpu')).toEqual({ 'full-integer': computing });
    expect(broken(model, 'qnn-htp')).toEqual({ 'full-integer': computing });
  });

  it('see open sizes at the inputs', () => {
    const model = buildArchitecture('mlp', { input: [4], classes: 2 });
    const found = checkTarget(model, targetNamed('edge-tpu')).filter((f) => f.rule === 'static-shapes');
    expect(found.map((f) => [f.node, f.consequence])).toEqual([[model.graph.inputs[0]?.name, 'refused']]);
  });

  it('see channels that do not fill a block', async () => {
    const reasons = checkTarget(await floats([16, 20]), targetNamed('x64-vnni')).map((f) => f.reason);
    expect(reasons.length).toBeGreaterThan(0);
    expect(new Set(reasons)).toEqual(new Set(['it has 20 output channels and costs about as much as 32']));
  });

  it('see how a network is quantised', async () => {
    const [unsigned, signed] = [await integers('uint8', true), await integers('int8', true)];
    expect(broken(unsigned, 'x64-vnni')).toEqual({});
    expect(broken(signed, 'raspberry-pi-5')).toEqual({});
    expect(broken(unsigned, 'raspberry-pi-5')['activation-type']).toBeGreaterThan(5);
    expect(broken(signed, 'x64-vnni')['activation-type']).toBeGreaterThan(5);
    // Affine activations have zero points; weights are scaled by channel, by any number.
    expect(Object.keys(broken(unsigned, 'jetson-tensorrt'))).toEqual(['symmetric-int8']);
    expect(Object.keys(broken(signed, 'vitis-ai-dpu'))).toEqual(
      expect.arrayContaining(['symmetric-int8', 'per-tensor', 'power-of-two-scales']),
    );
    expect(broken(unsigned, 'webgpu')['operators']).toBe(
      unsigned.graph.nodes.filter((n) => n.op === 'QuantizeLinear').length,
    );
  });

  it('see weights whose sums may overflow without VNNI, and none once the pass has seen to them', async () => {
    const found = (model: Model): Finding[] =>
      checkTarget(model, targetNamed('x64-avx2')).filter((f) => f.rule === 'no-saturation');
    expect(found(await integers('int8', true))).toEqual([]);
    const model = await integers('uint8', false);
    expect(found(model)).toEqual([]);
    // As a tool leaves them that does not look.
    for (const { value } of model.graph.initializers.values())
      if ('data' in value && value.dtype === 'int8' && value.dims.length > 1) value.data.fill(127);
    expect(found(model).length).toBeGreaterThan(5);
  });

  it('names operators of other domains by their domain', () => {
    const g = new GraphBuilder();
    g.output(
      g.node('Tokenizer', [g.input('x', 'float32', [1, 4])], {}, 1, { domain: 'my.own', name: 'words' }),
      null,
      null,
    );
    const [finding] = checkTarget(g.build({ opsets: { 'my.own': 1 } }), targetNamed('webgpu'));
    expect(finding).toMatchObject({ node: 'words', reason: 'there is no kernel for my.own:Tokenizer' });
  });
});

describe('formats', () => {
  const nothing = { x: new Float32Array(0), shape: [], y: new Int32Array(0), labels: [], name: 'nothing' };
  const context = { createSession, train: nothing, validation: nothing };
  const consequences = (model: Model, target: string): string[] => [
    ...new Set(checkTarget(model, targetNamed(target)).map((f) => `${f.rule}: ${f.consequence}`)),
  ];
  const reasons = (model: Model, target: string): string[] => [
    ...new Set(checkTarget(model, targetNamed(target)).map((f) => f.reason)),
  ];

  it('of ONNX Runtime alone are refused by TensorRT, and fall back where there are no kernels', async () => {
    const how: QuantizeWeightsOptions = { bits: 4, blockSize: 32, symmetric: false, scale: 'range', accuracyLevel: 4, embeddings: true, keep: [], rounding: 'nearest', samples: 64 }; // prettier-ignore
    const { model: blocks } = await quantizeWeights(tokenNetwork(), how, context);
    expect(reasons(blocks, 'jetson-tensorrt')).toEqual([
      'it does not know com.microsoft:GatherBlockQuantized',
      'it does not know com.microsoft:MatMulNBits',
    ]);
    expect(consequences(blocks, 'jetson-tensorrt')).toEqual(['standard-operators: refused']);
    expect(consequences(blocks, 'coreml')).toContain('operators: falls back');
    expect(consequences(blocks, 'qnn-htp')).toContain('full-integer: falls back');
    expect(consequences(blocks, 'webgpu')).toEqual([]);
    const target = { arch: 'x64', vnni: true } as const;
    const { model: dynamic } = await quantizeDynamic(tokenNetwork(), { scale: 'channel', lstm: true, keep: [] }, target, context); // prettier-ignore
    expect(reasons(dynamic, 'jetson-tensorrt')).toEqual([
      'it does not know DynamicQuantizeLinear',
      'it does not know MatMulInteger',
    ]);
    expect(consequences(dynamic, 'x64-vnni')).toEqual([]);
    expect(consequences(dynamic, 'webgpu')).toEqual(['operators: falls back']);
  });

  it('of halves are taken by Jetson, slower on CPUs where something is computed in them, and no integers', async () => {
    const data = splitSamples(await loadDigits(digits));
    const made = async (mode: 'weights' | 'all'): Promise<Model> =>
      (await float16(await floats(), { mode, samples: 16, keep: [] }, { createSession, ...data })).model;
    const [stored, computed] = [await made('weights'), await made('all')];
    for (const name of ['jetson-tensorrt', 'openvino']) expect(broken(computed, name)).toEqual({});
    for (const name of ['x64-vnni', 'raspberry-pi-5']) {
      expect(consequences(computed, name)).toEqual(['no-float16: slower']);
      expect(broken(stored, name)).toEqual({});
    }
    // The Casts at both edges read and give floats too.
    expect(broken(computed, 'qnn-htp')['full-integer']).toBe(computed.graph.nodes.length);
  });
});

describe('channelsThatMaySaturate', () => {
  const node = (op: string, attributes: Record<string, number> = {}): Node => {
    const given = Object.entries(attributes).map(([name, value]) => [name, int(value)] as const);
    return { op, domain: '', name: '', inputs: [], outputs: [], attributes: new Map(given) };
  };

  it('adds weights in pairs: 255 * 128 fits 16 bits, 255 * 129 does not', () => {
    const rows = [
      [64, 64, 1, 127],
      [64, 65, 1, 1],
      [-127, 127, 1, 1],
      [-64, -65, 1, 1],
      [127, 1, 2, 127],
      [1, 1, 1, 127],
    ];
    const weights = Int8Array.from(rows.flat());
    const order = kernelOrder(node('Gemm', { transB: 1 }), [6, 4], 0) as KernelOrder;
    expect(rows.map((_, channel) => overflows(order, weights, channel))).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(channelsThatMaySaturate(order, weights)).toBe(3);
    // The same rows as columns.
    const columns = Int8Array.from({ length: 24 }, (_, i) => weights[(i % 6) * 4 + Math.floor(i / 6)] as number);
    expect(channelsThatMaySaturate(kernelOrder(node('MatMul'), [4, 6], 1) as KernelOrder, columns)).toBe(3);
  });

  it('pairs channels of a convolution at one place of its window, and none of a depthwise one', () => {
    const { places } = kernelOrder(node('Conv'), [1, 4, 1, 2], 0) as KernelOrder;
    expect([...places]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    expect(kernelOrder(node('Conv', { group: 8 }), [8, 1, 3, 3], 0)).toBeNull();
    expect(kernelOrder(node('Conv', { group: 8 }), [16, 1, 3, 3], 0)?.places.length).toBe(9);
  });
});
