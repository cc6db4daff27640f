import { describe, expect, it } from 'vitest';
import { createSession } from '../conformance/executor.js';
import { float32, int64, simplify, type Model } from '../index.js';
import { network, ops, randomTensor } from '../rewrite/numbers.js';

/** Two layers that were copied from one another, as an exporter writes them that stores equal values once. */
function copied(): Model {
  return network([2, 4], (b, x) => {
    const weight = b.initializer('w', randomTensor([4, 4], 1));
    const bias = b.initializer('b', float32([4], new Float32Array(4)));
    const first = b.node('Gemm', [x, weight, bias]);
    return b.node('Gemm', [b.node('Relu', [first]), b.node('Identity', [weight]), b.node('Identity', [bias])]);
  });
}

/** Normalisation in parts, fresh: a scale of 1 and a shift of 0. Two scalars of one value are no parameters. */
function fresh(): Model {
  return network([2, 4], (b, x) => {
    const half = (): string => b.node('Mul', [x, b.constant(float32([], [0.5]))]);
    const sum = b.node('Sub', [half(), b.node('Neg', [half()])]);
    const scaled = b.node('Mul', [sum, b.initializer('scale', float32([4], [1, 1, 1, 1]))]);
    const shifted = b.node('Add', [scaled, b.initializer('shift', float32([4], [0, 0, 0, 0]))]);
    return b.node('Reshape', [shifted, b.constant(int64([2], [2, 4]))]);
  });
}

const floats = ({ graph }: Model): number =>
  [...graph.initializers.values()].filter((s) => s.value.dtype === 'float32').length;

describe('parameters', () => {
  it('that are equal stay apart unless the result is for inference', async () => {
    const { model } = await simplify(copied(), createSession);
    expect([ops(model), floats(model)]).toEqual([['Gemm', 'Relu', 'Gemm'], 4]);
    const merged = (await simplify(copied(), createSession, { forInference: true })).model;
    expect([ops(merged), floats(merged)]).toEqual([['Gemm', 'Relu', 'Gemm'], 2]);
  });

  it('keep their Identity where a copy would be too large to fold', async () => {
    const { model, declined } = await simplify(copied(), createSession, { fold: { maxBytes: 32 } });
    expect([ops(model).sort(), floats(model)]).toEqual([['Gemm', 'Gemm', 'Identity', 'Relu'], 3]);
    expect(declined.map((d) => d.rule)).toContain('remove-identity');
  });

  it('that change nothing yet stay, and scalars are merged all the same', async () => {
    const { model } = await simplify(fresh(), createSession);
    expect([ops(model), floats(model)]).toEqual([['Mul', 'Neg', 'Sub', 'Mul', 'Add'], 3]);
    const { model: smaller } = await simplify(fresh(), createSession, { forInference: true });
    expect([ops(smaller), floats(smaller)]).toEqual([['Mul', 'Neg', 'Sub'], 1]);
  });
});
