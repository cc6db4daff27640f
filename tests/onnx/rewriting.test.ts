/** Folding and rewriting leave the numbers alone: every result is compared with the original on ONNX Runtime. */
import {
  attrInts,
  checkModel,
  encodeModel,
  float,
  float32,
  foldConstants,
  GraphBuilder,
  inferShapes,
  int,
  int64,
  ints,
  mergeReshapes,
  mergeTransposes,
  removeDropout,
  removeIdentity,
  rewrite,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';

const GENERAL = [removeIdentity, removeDropout, mergeTransposes, mergeReshapes];

/** Reproducible values in -1..1. */
function values(dims: readonly number[]): Tensor & { dtype: 'float32' } {
  const count = dims.reduce((p, d) => p * d, 1);
  return float32(
    dims,
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) % 1),
  );
}

async function run(model: Model, x: Tensor): Promise<Float32Array> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    const y = (await session.run({ x }))['y'];
    if (y?.dtype !== 'float32') throw new Error('expected floats');
    return y.data;
  } finally {
    await session.release();
  }
}

async function expectSame(before: Model, after: Model, x: Tensor, tolerance: number): Promise<void> {
  const [expected, actual] = [await run(before, x), await run(after, x)];
  expect(actual.length).toBe(expected.length);
  expect(Math.max(...expected.map((v, i) => Math.abs(v - actual[i]!)))).toBeLessThanOrEqual(tolerance);
}

const ops = (model: Model): string[] => model.graph.nodes.map((n) => n.op);

/** As exporters write them: NHWC around a convolution, shapes computed in the graph, dropout and identities left in. */
function exported(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 6, 6, 2]);
  const nchw = b.node('Transpose', [b.node('Identity', [x])], { perm: ints([0, 3, 1, 2]) });
  const scaled = b.node('Mul', [b.constant(values([4, 2, 3, 3])), b.node('Sqrt', [b.constant(float32([], [0.25]))])]);
  const c = b.node('Conv', [nchw, scaled], { pads: ints([1, 1, 1, 1]) });
  const nhwc = b.node('Transpose', [c], { perm: ints([0, 2, 3, 1]) });
  const back = b.node('Transpose', [nhwc], { perm: ints([0, 3, 1, 2]) });
  const dropped = b.node('Dropout', [b.node('Relu', [back])]);
  const shape = b.node('Shape', [dropped]);
  const batch = b.node('Gather', [shape, b.constant(int64([1], [0]))]);
  const flat = b.node('Reshape', [dropped, b.node('Concat', [batch, b.constant(int64([1], [-1]))], { axis: int(0) })]);
  const again = b.node('Reshape', [
    b.node('Reshape', [flat, b.constant(int64([2], [-1, 36]))]),
    b.constant(int64([2], [-1, 144])),
  ]);
  b.node('Gemm', [again, b.constant(values([144, 5]))], { alpha: float(0.5) }, 1, { outputNames: ['y'] });
  b.output('y', 'float32', ['batch', 5]);
  return b.build();
}

describe('constant folding', () => {
  it('computes what depends on no input, and the numbers agree', async () => {
    const before = exported();
    const after = await foldConstants(before, createSession);
    // The scaled weights are gone; the batch size is not constant, so its chain stays.
    expect(ops(after)).not.toContain('Mul');
    expect(ops(after)).not.toContain('Sqrt');
    expect(ops(after)).toContain('Shape');
    await expectSame(before, after, values([3, 6, 6, 2]), 0);
  });

  it('folds shape chains once the sizes are known', async () => {
    const before = inferShapes(exported(), { dims: { batch: 3 } });
    const after = await foldConstants(before, createSession);
    expect(ops(after)).not.toContain('Shape');
    expect(ops(after)).not.toContain('Concat');
    await expectSame(before, after, values([3, 6, 6, 2]), 0);
  });

  it('keeps quantised weights quantised', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1, 4]);
    const w = b.constant({ dtype: 'int8', dims: [4, 2], data: Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
    const dq = b.node('DequantizeLinear', [w, b.constant(float32([], [0.1]))]);
    b.node('MatMul', [x, dq], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [1, 2]);
    const before = b.build();
    expect(ops(await foldConstants(before, createSession))).toEqual(['DequantizeLinear', 'MatMul']);
    const folded = await foldConstants(before, createSession, { keep: [] });
    expect(ops(folded)).toEqual(['MatMul']);
    await expectSame(before, folded, values([1, 4]), 1e-7);
  });

  it('does not make a file larger than it was told to', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1]);
    const big = b.node('Expand', [b.constant(float32([1], [1])), b.constant(int64([1], [1_000_000]))]);
    b.node('Add', [x, b.node('ReduceSum', [big])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [1]);
    const model = b.build();
    expect(ops(await foldConstants(model, createSession, { maxBytes: 1000 }))).toContain('Expand');
    expect(ops(await foldConstants(model, createSession))).toEqual(['Add']);
  });
});

describe('the general rules', () => {
  it('fire on an exported network, and the numbers agree', async () => {
    const before = await foldConstants(inferShapes(exported(), { dims: { batch: 3 } }), createSession);
    const { model: after, fired, declined } = rewrite(before, GENERAL);
    expect(new Set(fired.map((f) => f.rule))).toEqual(new Set(GENERAL.map((r) => r.name)));
    expect(declined).toEqual([]);
    expect(ops(after)).toEqual(['Transpose', 'Conv', 'Relu', 'Reshape', 'Gemm']);
    expect(checkModel(after)).toEqual([]);
    await expectSame(before, after, values([3, 6, 6, 2]), 0);
  });

  it('compose permutations in the right order', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 3, 4, 5]);
    const first = b.node('Transpose', [x], { perm: ints([3, 1, 0, 2]) });
    b.node('Transpose', [first], { perm: ints([1, 3, 2, 0]) }, 1, { outputNames: ['y'] });
    b.output('y', 'float32', null);
    const before = b.build();
    const { model: after, fired } = rewrite(before, [mergeTransposes]);
    expect(fired.length).toBe(1);
    expect(attrInts(after.graph.nodes[0]!, 'perm')).toEqual([1, 2, 0, 3]);
    await expectSame(before, after, values([2, 3, 4, 5]), 0);
  });
});
