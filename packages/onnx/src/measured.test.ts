import { describe, expect, it } from 'vitest';
import { createSession } from './conformance/executor.js';
import {
  encodeModel,
  float32,
  GraphBuilder,
  int,
  int64,
  measureTypes,
  OnnxError,
  summarize,
  withMeasured,
  type Model,
} from './index.js';

/** Windows of 3 along the last of 8 elements, [n, 4, 8] to [n, 4, 6, 3], then a product: UnfoldTensor has no row. */
function windows(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 4, 8]);
  const unfolded = b.node('UnfoldTensor', [x], { size: int(3) }, 1, {
    domain: 'com.microsoft',
    name: 'unfold',
    outputNames: ['windows'],
  });
  const y = b.node('MatMul', [unfolded, b.constant(float32([3, 5], new Float32Array(15)))], {}, 1, {
    outputNames: ['y'],
  });
  b.graph.outputs = [{ name: y, type: null }];
  return b.build({ opsets: { 'com.microsoft': 1 } });
}

describe('types by measurement', () => {
  it('are those of runs at two sizes, and complete a summary', async () => {
    const model = windows();
    const before = summarize(model, { n: 2 });
    expect([before.layers[1]!.shape, before.layers[1]!.macs]).toEqual([null, null]);
    const measured = await measureTypes(model, createSession);
    expect(Object.fromEntries(measured.types)).toEqual({
      windows: { kind: 'tensor', dtype: 'float32', shape: ['n', 4, 6, 3] },
    });
    expect(measured.sizes).toEqual({ n: [1, 3] });
    const after = summarize(withMeasured(model, measured), { n: 2 });
    expect(after.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['n', 4, 6, 5] }]);
    expect(after.layers[1]!.macs).toBe(2 * 4 * 6 * 3 * 5);
    // What the operator itself multiplies stays unknown.
    expect([after.layers[0]!.macs, after.macs]).toEqual([null, null]);
    expect(after.unknown).toEqual([
      { node: 'unfold', reason: 'what com.microsoft.UnfoldTensor multiplies is not known' },
    ]);
    await (await createSession(encodeModel(withMeasured(model, measured)))).release();
  });

  it('leave open what follows from values, or from more than one size', async () => {
    const b = new GraphBuilder();
    // The path of a time warp is as long as the values say; windows over a size that is open are that size less 2.
    const costs = b.input('costs', 'float32', ['a', 'b']);
    b.node('DynamicTimeWarping', [costs], {}, 1, { domain: 'com.microsoft', outputNames: ['path'] });
    b.node('UnfoldTensor', [costs], { size: int(2) }, 1, { domain: 'com.microsoft', outputNames: ['pairs'] });
    b.graph.outputs = ['path', 'pairs'].map((name) => ({ name, type: null }));
    const { types, sizes } = await measureTypes(b.build({ opsets: { 'com.microsoft': 1 } }), createSession);
    expect(types.get('path')).toEqual({ kind: 'tensor', dtype: 'int32', shape: [2, null] });
    expect(types.get('pairs')).toEqual({ kind: 'tensor', dtype: 'float32', shape: ['a', null, 2] });
    expect(Object.keys(sizes)).toEqual(['a', 'b']);
  });

  it('leave numbers open that may follow a size which runs at one value alone', async () => {
    const b = new GraphBuilder();
    const table = b.node('Reshape', [b.input('x', 'float32', ['eight']), b.constant(int64([2], [2, 4]))]);
    b.node('UnfoldTensor', [table], { size: int(3) }, 1, { domain: 'com.microsoft', outputNames: ['windows'] });
    b.graph.outputs = [{ name: 'windows', type: null }];
    const model = b.build({ opsets: { 'com.microsoft': 1 } });
    const { types, sizes } = await measureTypes(model, createSession);
    expect(types.get('windows')).toEqual({ kind: 'tensor', dtype: 'float32', shape: [null, null, null] });
    expect(sizes).toEqual({ eight: [8] });
  });

  it('hold at sizes that are given, and are asked for where there is something unknown alone', async () => {
    const { types, sizes } = await measureTypes(windows(), createSession, { dims: { n: 7 } });
    expect(types.get('windows')).toEqual({ kind: 'tensor', dtype: 'float32', shape: [7, 4, 6, 3] });
    expect(sizes).toEqual({ n: [7] });
    const b = new GraphBuilder();
    b.output(b.node('Relu', [b.input('x', 'float32', ['n'])]), null, null);
    const refuse = (): Promise<never> => Promise.reject(new OnnxError('unsupported', 'nothing may run'));
    expect((await measureTypes(b.build(), refuse)).types.size).toBe(0);
  });
});
