import {
  assertLegal,
  decodeModel,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  type Model,
  str,
  type Tensor,
} from '@verge/onnx';
import { createSession, hasInt8Dot, optimizedModel, probeHardware } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { arithmeticOf } from '../../measure/arithmetic.js';
import { checkTarget, targetNamed } from '../../targets/index.js';
import { decibels, largestDifference, outputWith, randomIds, randomTensor, tokenNetwork } from '../../test-models.js';
import type { PassContext } from '../pass.js';
import { quantizeDynamic, type QuantizeDynamicOptions } from './quantize.js';

const nothing = { x: new Float32Array(0), shape: [], y: new Int32Array(0), labels: [], name: 'nothing' };
const context: PassContext = { createSession, train: nothing, validation: nothing };
const options: QuantizeDynamicOptions = { scale: 'channel', lstm: true, keep: [] };
const vnni = { arch: 'x64', vnni: true } as const;
const avx2 = { arch: 'x64', vnni: false } as const;
/** Whose numbers this machine's kernels give as they are written. */
const here = { arch: 'x64', vnni: hasInt8Dot(await probeHardware()) } as const;
const outputOf = outputWith(createSession);
const quantized = async (model: Model, more: Partial<QuantizeDynamicOptions> = {}, target: { arch: 'x64' | 'arm64'; vnni: boolean } = here): ReturnType<typeof quantizeDynamic> => quantizeDynamic(model, { ...options, ...more }, target, context); // prettier-ignore

/** Round half to even, as ONNX rounds. */
const even = (x: number): number => {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2) : Math.round(x);
};

/** y = x W of the whole x by the definitions of DynamicQuantizeLinear and MatMulInteger, with the weights [inputs, outputs] of the file. */
function byHand(x: Float32Array, made: Model): Float64Array {
  const [min, max] = [Math.min(0, ...x), Math.max(0, ...x)];
  const scale = Math.fround((max - min) / 255);
  const zero = Math.min(255, Math.max(0, even(-min / scale)));
  const xq = Array.from(x, (v) => Math.min(255, Math.max(0, even(v / scale) + zero)) - zero);
  const stored = (name: string): Tensor => made.graph.initializers.get(name)!.value as Tensor;
  const [w, scales] = [stored('w_1'), stored('scale')];
  const [inputs, outputs] = w.dims as [number, number];
  const [whole, steps] = [w.data as Int8Array, scales.data as Float32Array];
  const result = new Float64Array((x.length / inputs) * outputs);
  result.forEach((_, i) => {
    const [row, c] = [Math.floor(i / outputs), i % outputs];
    for (let r = 0; r < inputs; r++) result[i]! += xq[row * inputs + r]! * whole[r * outputs + c]!;
    result[i]! *= scale * steps[steps.length === 1 ? 0 : c]!;
  });
  return result;
}

/** Whole numbers and scales of weights [inputs, outputs] for a processor that adds no pairs in 16 bits. */
function weightsByHand(w: Float32Array, outputs: number, channel: boolean): { whole: number[]; scales: number[] } {
  const column = (c: number): number[] => [...w].filter((_, i) => i % outputs === c);
  const top = (list: readonly number[]): number => Math.max(...list.map(Math.abs)) / 127;
  const scales = Array.from({ length: channel ? outputs : 1 }, (_, c) =>
    Math.fround(top(channel ? column(c) : [...w])),
  );
  return { whole: [...w].map((v, i) => even(v / scales[channel ? i % outputs : 0]!) || 0), scales };
}

/** A product over [2, 3, 24], then a dense layer with everything that Gemm has. */
function layers(kind: 'MatMul' | 'Gemm'): { model: Model; weight: Float32Array } {
  const g = new GraphBuilder();
  const weight = randomTensor([24, 32], 11);
  if (kind === 'MatMul') {
    const x = g.input('x', 'float32', [2, 3, 24]);
    g.node('MatMul', [x, g.initializer('w', weight)], {}, 1, { name: 'layer', outputNames: ['y'] });
  } else {
    const turned = float32([32, 24], Float32Array.from({ length: 768 }, (_, i) => weight.data[(i % 24) * 32 + Math.floor(i / 24)]!)); // prettier-ignore
    const inputs = [g.input('x', 'float32', [6, 24]), g.initializer('w', turned), g.initializer('b', randomTensor([32], 3))]; // prettier-ignore
    g.node('Gemm', inputs, { transB: int(1), alpha: float(-0.75) }, 1, { name: 'layer', outputNames: ['y'] });
  }
  g.output('y', 'float32', null);
  return { model: g.build({ opset: 17, irVersion: 8 }), weight: weight.data };
}

describe('dense layers', () => {
  it.each([
    ['MatMul', 'channel'],
    ['MatMul', 'tensor'],
    ['Gemm', 'channel'],
    ['Gemm', 'tensor'],
  ] as const)('%s with a scale a %s gives what the definitions say', async (kind, scale) => {
    const { model, weight } = layers(kind);
    const made = await quantized(model, { scale });
    assertLegal(made.model);
    expect(made.changes).toMatchObject({ products: 1, lstm: 0 });
    expect(arithmeticOf(made.model)).toBe('int8');
    const x = randomTensor(kind === 'MatMul' ? [2, 3, 24] : [6, 24], 5);
    const factor = kind === 'Gemm' ? -0.75 : 1;
    const bias = kind === 'Gemm' ? randomTensor([32], 3).data : new Float32Array(32);
    const expected = Float32Array.from(byHand(x.data, made.model), (v, i) => v + bias[i % 32]!);
    expect(largestDifference(expected, await outputOf(made.model, x))).toBeLessThan(1e-5);
    // One step of 8 bits is 0.4 % of the range, on both sides.
    expect(decibels(await outputOf(model, x), expected)).toBeGreaterThan(35);
    const { graph } = (await quantized(model, { scale }, vnni)).model;
    const right = weightsByHand(weight.map((v) => v * factor), 32, scale === 'channel'); // prettier-ignore
    expect(Array.from((graph.initializers.get('w_1')!.value as Tensor).data, Number)).toEqual(right.whole);
    expect(Array.from((graph.initializers.get('scale')!.value as Tensor).data, Number)).toEqual(right.scales);
  });

  it('become one node each when ONNX Runtime loads the model', async () => {
    for (const kind of ['MatMul', 'Gemm'] as const) {
      const made = await quantized(layers(kind).model);
      const run = decodeModel(await optimizedModel(encodeModel(made.model)));
      expect(run.graph.nodes.map((n) => n.op)).toEqual(['DynamicQuantizeMatMul']);
    }
  });

  it('that read the same value have it quantised once', async () => {
    const source = tokenNetwork();
    const made = await quantized(source);
    assertLegal(made.model);
    expect(made.changes).toMatchObject({ products: 6, lstm: 0 });
    const ops = made.model.graph.nodes.map((n) => n.op);
    expect(ops.filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(4);
    const loaded = decodeModel(await optimizedModel(encodeModel(made.model))).graph.nodes.map((n) => n.op);
    expect(loaded).not.toContain('MatMulInteger');
    expect(loaded.filter((op) => op === 'MatMulIntegerToFloat')).toHaveLength(3);
    const ids = randomIds([16, 8]);
    expect(decibels(await outputOf(source, ids), await outputOf(made.model, ids))).toBeGreaterThan(28);
    // Attention's own products have no constant.
    expect(made.declined).toHaveLength(2);
    expect(made.declined.every((d) => d.reason === 'its weight is computed')).toBe(true);
  });

  it('stay within 16 bits where the processor adds pairs of products there', async () => {
    const g = new GraphBuilder();
    const w = float32([16, 64], new Float32Array(1024).fill(1));
    g.node('MatMul', [g.input('x', 'float32', [2, 16]), g.initializer('w', w)], {}, 1, { name: 'layer', outputNames: ['y'] }); // prettier-ignore
    g.output('y', 'float32', null);
    const saturating = async (target: typeof vnni | typeof avx2): Promise<string[]> => {
      const { model, changes } = await quantized(g.build({ opset: 17 }), {}, target);
      expect(changes['narrowedChannels']).toBe(target.vnni ? undefined : 64);
      return checkTarget(model, targetNamed('x64-avx2')).filter((f) => f.rule === 'no-saturation').map((f) => f.reason); // prettier-ignore
    };
    expect(await saturating(vnni)).toEqual(['64 of 64 output channels may saturate']);
    expect(await saturating(avx2)).toEqual([]);
  });
});

/** An LSTM of both directions, whose gates are of unlike size. */
function recurrent(op: 'LSTM' | 'GRU' | 'RNN', attributes: Parameters<GraphBuilder['node']>[2] = {}): Model {
  const g = new GraphBuilder();
  const [width, hidden, gates] = [12, 20, { LSTM: 4, GRU: 3, RNN: 1 }[op]];
  const weight = (name: string, ...dims: number[]): string => {
    const { data } = randomTensor(dims, name.length + dims.at(-1)!);
    const inner = dims.at(-1)!;
    return g.initializer(name, float32(dims, data.map((v, i) => v * (0.1 + (Math.floor(i / inner) % 7) / 10)))); // prettier-ignore
  };
  const inputs = [
    g.input('x', 'float32', [9, 2, width]),
    weight('w', 2, gates * hidden, width),
    weight('rr', 2, gates * hidden, hidden),
    weight('bias', 2, 2 * gates * hidden),
  ];
  const more = { hidden_size: int(hidden), direction: str('bidirectional'), ...attributes };
  g.node(op, inputs, more, 1, { name: 'layer', outputNames: ['y'] });
  g.output('y', 'float32', null);
  return g.build({ opset: 17, irVersion: 8 });
}

describe('recurrent layers', () => {
  it.each([
    ['channel', 34],
    ['tensor', 28],
  ] as const)('LSTM with a scale a %s gives nearly what it gave', async (scale, least) => {
    const source = recurrent('LSTM');
    const made = await quantized(source, { scale });
    assertLegal(made.model);
    expect(made.changes).toMatchObject({ products: 0, lstm: 1 });
    expect(made.model.opsets.get('com.microsoft')).toBe(1);
    expect(encodeModel(made.model).byteLength).toBeLessThan(0.45 * encodeModel(source).byteLength);
    const x = randomTensor([9, 2, 12], 7);
    expect(decibels(await outputOf(source, x), await outputOf(made.model, x))).toBeGreaterThan(least);
  });

  it('are declined with a reason where there is no operator for them', async () => {
    const g = new GraphBuilder();
    const [x, w] = [g.input('x', 'float32', [1, 4, 8, 8]), g.initializer('k', randomTensor([4, 4, 3, 3]))];
    const flat = g.node('Flatten', [g.node('Conv', [x, w], {}, 1, { name: 'window' })]);
    const dense = g.node('MatMul', [flat, g.initializer('d', randomTensor([144, 16]))], {}, 1, { name: 'dense' });
    const small = g.node('MatMul', [dense, g.initializer('s', randomTensor([16, 4]))], {}, 1, { name: 'small' });
    g.output(g.node('MatMul', [small, g.initializer('e', randomTensor([4, 64]))], {}, 1, { name: 'kept' }), null, null);
    const made = await quantized(g.build({ opset: 17 }), { keep: ['kept'] });
    expect(made.declined.map((d) => [d.node, d.reason.slice(0, 30)])).toEqual([
      ['window', 'ranges that are found at each '],
      ['small', 'its 64 weights would take no l'],
      ['kept', 'the recipe keeps it'],
    ]);
    const none = (model: Model, more: Partial<QuantizeDynamicOptions> = {}): Promise<string> =>
      quantized(model, more).then(
        () => 'done',
        (error: Error) => error.message,
      );
    expect(await none(recurrent('LSTM'), { lstm: false })).toMatch(/the recipe has no LSTM on integers/);
    expect(await none(recurrent('LSTM'), { keep: ['other'] })).toMatch(/keep: there is no node 'other'/);
  });

  it.each([
    ['GRU', {}, /^ONNX Runtime has no GRU on integers: it computes in float32, with weights stored in int8$/],
    ['RNN', {}, /^ONNX Runtime has no RNN on integers: /],
    ['LSTM', { layout: int(1) }, /^its batch comes first .* stored in int8$/],
  ] as const)('without an operator on integers have weights of int8, as %s has', async (op, attributes, reason) => {
    const source = recurrent(op, attributes);
    const made = await quantized(source);
    assertLegal(made.model);
    expect(made.changes).toEqual({ products: 0, lstm: 0, weightsStored: 1 });
    expect(made.declined).toEqual([{ node: 'layer', reason: expect.stringMatching(reason) }]);
    expect(encodeModel(made.model).byteLength).toBeLessThan(0.45 * encodeModel(source).byteLength);
    if (op === 'LSTM') return; // ONNX Runtime takes no `layout` but 0.
    const run = decodeModel(await optimizedModel(encodeModel(made.model)));
    expect(run.graph.nodes.map((n) => n.op)).toEqual([op]);
    const x = randomTensor([9, 2, 12], 7);
    expect(decibels(await outputOf(source, x), await outputOf(made.model, x))).toBeGreaterThan(40);
  });

  it('stay within 16 bits as dense layers do, each direction for itself', async () => {
    const model = recurrent('LSTM');
    for (const name of ['w', 'rr']) ((model.graph.initializers.get(name)!.value as Tensor).data as Float32Array).fill(0.3); // prettier-ignore
    const found = async (target: typeof vnni | typeof avx2): Promise<string[]> =>
      checkTarget((await quantized(model, {}, target)).model, targetNamed('x64-avx2')).map((f) => f.reason);
    expect(await found(vnni)).toEqual(['320 of 320 output channels may saturate']);
    expect(await found(avx2)).toEqual([]);
  });
});
