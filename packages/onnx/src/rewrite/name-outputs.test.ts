import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../builder.js';
import { nameOutputs } from './name-outputs.js';
import { EXACT, expectSameNumbers, network, ops } from './numbers.js';

describe('naming outputs', () => {
  it('lets the value take the name, for its other readers too', async () => {
    const model = network([3], (b, x) => {
      const r = b.node('Relu', [x]);
      b.output(b.node('Neg', [r]), 'float32', [3]);
      return b.node('Identity', [r]);
    });
    const { model: result, removed } = nameOutputs(model);
    expect([removed, ops(result)]).toEqual([1, ['Relu', 'Neg']]);
    expect(result.graph.outputs).toEqual(model.graph.outputs);
    await expectSameNumbers(model, result, EXACT);
  });

  it('keeps an Identity of an input, of another output, and the second of one value', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const r = b.node('Relu', [x]);
    const n = b.node('Neg', [x]);
    for (const value of [x, r, n, n]) b.output(b.node('Identity', [value]), 'float32', [3]);
    b.output(r, 'float32', [3]);
    const { model: result, removed } = nameOutputs(b.build());
    expect(removed).toBe(1);
    expect(ops(result)).toEqual(['Relu', 'Neg', 'Identity', 'Identity', 'Identity']);
  });
});
