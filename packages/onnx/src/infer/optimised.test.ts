import { afterAll, describe, expect, it } from 'vitest';
import { createSession, optimizedModel } from '../conformance/executor.js';
import {
  checkModel,
  decodeModel,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  inferShapes,
  int,
  int64,
  ints,
  str,
  summarize,
  valueTypes,
  type Model,
  type Tensor,
} from '../index.js';
import { randomFeeds } from '../simplify/feeds.js';
import { bindType } from './declared.js';
import { ROWS_MICROSOFT } from './table-microsoft.js';

const wave = (...dims: number[]): Tensor =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, k) => Math.sin(k + 1) / 4),
  );

/** One layer of an encoder as exporters write it: attention in parts, LayerNormalization, Gelu by Erf. */
function encoder(): Model {
  const [H, D] = [4, 16];
  const width = H * D;
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 'length', width]);
  const linear = (v: string, into: number, from = width): string =>
    b.node('Add', [b.node('MatMul', [v, b.constant(wave(from, into))]), b.constant(wave(into))]);
  const heads = (v: string, perm: number[]): string =>
    b.node('Transpose', [b.node('Reshape', [linear(v, width), b.constant(int64([4], [0, 0, H, D]))])], {
      perm: ints(perm),
    });
  const norm = (v: string): string =>
    b.node('LayerNormalization', [v, b.constant(wave(width)), b.constant(wave(width))], { epsilon: float(1e-5) });
  const scores = b.node('MatMul', [heads(x, [0, 2, 1, 3]), heads(x, [0, 2, 3, 1])]);
  const weights = b.node('Softmax', [b.node('Div', [scores, b.constant(float32([], [4]))])], { axis: int(-1) });
  const seen = b.node('Transpose', [b.node('MatMul', [weights, heads(x, [0, 2, 1, 3])])], { perm: ints([0, 2, 1, 3]) });
  const joined = b.node('Reshape', [seen, b.constant(int64([3], [0, 0, width]))]);
  const first = norm(b.node('Add', [x, linear(joined, width)]));
  const wide = linear(first, 2 * width);
  const erf = b.node('Erf', [b.node('Div', [wide, b.constant(float32([], [Math.SQRT2]))])]);
  const half = b.node('Mul', [wide, b.node('Add', [erf, b.constant(float32([], [1]))])]);
  const gelu = b.node('Mul', [half, b.constant(float32([], [0.5]))]);
  b.output(norm(b.node('Add', [first, linear(gelu, width, 2 * width)])), 'float32', ['batch', 'length', width]);
  return b.build({ opset: 17 });
}

/** Convolutions with activations, pools, an enlargement and a skip, on channels that fill blocks and on some that do not. */
function convolutions(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 3, 32, 32]);
  const conv = (v: string, from: number, into: number, group = 1): string => {
    const weight = b.constant(wave(into, from / group, 3, 3));
    return b.node('Conv', [v, weight, b.constant(wave(into))], { pads: ints([1, 1, 1, 1]), group: int(group) });
  };
  const relu = (v: string): string => b.node('Relu', [v]);
  const pool = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
  const first = b.node('MaxPool', [relu(conv(x, 3, 16))], pool);
  const deep = relu(conv(relu(conv(first, 16, 16, 16)), 16, 24));
  const sum = relu(b.node('Add', [conv(deep, 24, 24), deep]));
  const averaged = b.node('AveragePool', [relu(conv(b.node('Softmax', [sum], { axis: int(1) }), 24, 32))], pool);
  const nearest = {
    mode: str('nearest'),
    coordinate_transformation_mode: str('asymmetric'),
    nearest_mode: str('floor'),
  };
  const larger = b.node('Resize', [averaged, '', b.constant(float32([4], [1, 1, 2, 2]))], nearest);
  const last = relu(conv(larger, 32, 32));
  const summary = b.node('Add', [b.node('GlobalAveragePool', [last]), b.node('GlobalMaxPool', [last])]);
  const y = b.node('Flatten', [summary]);
  b.output(b.node('Gemm', [y, b.constant(wave(32, 10)), b.constant(wave(10))]), 'float32', ['batch', 10]);
  return b.build({ opset: 17 });
}

/** The same, quantised as ONNX Runtime's tools write it: a pair of QuantizeLinear and DequantizeLinear at every value. */
function quantised(): Model {
  const b = new GraphBuilder();
  const scale = b.constant(float32([], [0.05]));
  const zero = b.constant({ dtype: 'uint8', dims: [], data: Uint8Array.of(128) });
  const pair = (v: string): string =>
    b.node('DequantizeLinear', [b.node('QuantizeLinear', [v, scale, zero]), scale, zero]);
  const weight = (...dims: number[]): string => {
    const n = dims.reduce((p, d) => p * d, 1);
    const stored = b.constant({ dtype: 'int8', dims, data: Int8Array.from({ length: n }, (_, k) => (k * 37) % 100) });
    const none = b.constant({ dtype: 'int8', dims: [], data: Int8Array.of(0) });
    return b.node('DequantizeLinear', [stored, b.constant(float32([], [0.01])), none]);
  };
  const x = pair(b.input('x', 'float32', ['batch', 4, 8, 8]));
  const conv = pair(b.node('Conv', [x, weight(4, 4, 3, 3)], { pads: ints([1, 1, 1, 1]) }));
  const sum = pair(b.node('Add', [conv, x]));
  const gate = pair(
    b.node('Sigmoid', [pair(b.node('Concat', [sum, pair(b.node('Mul', [conv, x]))], { axis: int(1) }))]),
  );
  const flat = b.node('Flatten', [pair(b.node('GlobalAveragePool', [gate]))]);
  b.output(pair(b.node('Gemm', [flat, weight(8, 5)])), 'float32', ['batch', 5]);
  return b.build({ opset: 17 });
}

const seen = new Set<string>();

describe('what ONNX Runtime makes of a model', () => {
  const CASES = [
    ['an encoder', encoder, 'extended'],
    ['convolutions', convolutions, 'extended'],
    ['convolutions in blocks', convolutions, 'all'],
    ['a quantised network', quantised, 'extended'],
  ] as const;
  it.each(CASES)('%s: every type is that of runs, and the work is that of before', async (_, build, optimization) => {
    const before = build();
    const after = decodeModel(await optimizedModel(encodeModel(before), { optimization }));
    for (const node of after.graph.nodes) seen.add([node.domain, node.op].filter(Boolean).join('.'));
    expect(checkModel(after).filter((d) => d.severity === 'error')).toEqual([]);
    const stripped: Model = { ...after, graph: { ...after.graph, values: new Map() } };
    const types = valueTypes(inferShapes(stripped).graph);
    const names = after.graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== '');
    // How far channels are filled up depends on the processor.
    const filled = new Set(after.graph.nodes.filter((n) => n.op === 'ReorderInput').flatMap((n) => n.outputs));
    const outputs = names.map((name) => ({ name, type: null }));
    const bare = encodeModel({ ...stripped, graph: { ...stripped.graph, outputs } });
    const session = await createSession(bare, { optimization: 'disabled' });
    for (const dims of [
      { batch: 1, length: 3 },
      { batch: 2, length: 5 },
    ]) {
      const results = await session.run(randomFeeds(before, { dims }));
      for (const name of names) {
        const { dtype, dims: shape } = results[name]!;
        const type = bindType(types.get(name) ?? null, dims);
        const known = type?.kind === 'tensor' ? type.shape : null;
        const open = filled.has(name) && known?.[1] === null;
        const expected = open ? shape.map((d, i) => (i === 1 ? null : d)) : shape;
        expect({ name, type }).toEqual({ name, type: { kind: 'tensor', dtype, shape: expected } });
      }
    }
    await session.release();
    const [plain, fused] = [before, after].map((model) => summarize(model, { batch: 2, length: 5 }));
    const open = after.graph.nodes.filter((n) => filled.has(n.outputs[0]!)).map((n) => n.name);
    expect(fused!.unknown.map((u) => u.node).filter((node) => !open.includes(node))).toEqual([]);
    // Blocks are filled up with channels that are multiplied too.
    if (optimization === 'all') expect(fused!.macs!).toBeGreaterThanOrEqual(plain!.macs!);
    else expect(fused!.macs).toBe(plain!.macs);
  });

  afterAll(() => {
    for (const op of ['FusedConv', 'BiasGelu', 'SkipLayerNormalization', 'QLinearAdd'])
      expect([...seen]).toContain(`com.microsoft.${op}`);
    // Not every processor has kernels for blocks; where it has, all of them are there.
    const blocked = Object.keys(ROWS_MICROSOFT).filter((op) => op.includes('.nchwc.'));
    if (seen.has('com.microsoft.nchwc.Conv')) expect(blocked.filter((op) => !seen.has(op))).toEqual([]);
  });
});
