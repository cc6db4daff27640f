import { describe, expect, it } from 'vitest';
import { int, ints } from '../attributes.js';
import { float32, int64 } from '../tensor.js';
import { eliminateCommonSubexpressions, mergeDuplicateConstants } from './common-subexpressions.js';
import { EXACT, expectSameNumbers, network, ops } from './numbers.js';

describe('common subexpressions', () => {
  it('go, through chains and with operands either way round', async () => {
    const model = network([3, 4], (b, x) => {
      const one = b.node('Add', [b.node('Exp', [x]), x]);
      const two = b.node('Add', [x, b.node('Exp', [x])]);
      return b.node('Sub', [b.node('Abs', [one]), b.node('Neg', [two])]);
    });
    const { model: result, removed } = eliminateCommonSubexpressions(model);
    expect(removed).toBe(2);
    expect(ops(result)).toEqual(['Exp', 'Add', 'Abs', 'Neg', 'Sub']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('stay when attributes differ, an output needs its name, or numbers are random', () => {
    const model = network([3, 4], (b, x) => {
      const sums = [0, 1].map((axis) => b.node('Softmax', [x], { axis: int(axis) }));
      const noise = [0, 1].map(() => b.node('RandomNormal', [], { shape: ints([3, 4]) }));
      b.output(b.node('Relu', [x], {}, 1, { outputNames: ['first'] }), 'float32', [3, 4]);
      b.output(b.node('Relu', [x], {}, 1, { outputNames: ['second'] }), 'float32', [3, 4]);
      return b.node('Sum', [...sums, ...noise]);
    });
    expect(eliminateCommonSubexpressions(model)).toEqual({ model, removed: 0 });
    // Subtraction does not commute.
    const sub = network([2], (b, x) => {
      const y = b.node('Neg', [x]);
      return b.node('Mul', [b.node('Sub', [x, y]), b.node('Sub', [y, x])]);
    });
    expect(eliminateCommonSubexpressions(sub).removed).toBe(0);
  });
});

describe('duplicate constants', () => {
  it('are stored once; the same bytes of another shape or type are not', async () => {
    const model = network([2, 2], (b, x) => {
      const same = [0, 1].map(() => b.constant(float32([2, 2], [1, 2, 3, 4])));
      const flat = b.constant(float32([4], [1, 2, 3, 4]));
      const other = b.constant(float32([2, 2], [1, 2, 3, 5]));
      const shaped = b.node('Reshape', [flat, b.constant(int64([2], [2, 2]))]);
      return b.node('Sum', [x, ...same, other, shaped]);
    });
    const { model: result, removed } = mergeDuplicateConstants(model);
    expect([removed, result.graph.initializers.size]).toEqual([1, 4]);
    await expectSameNumbers(model, result, EXACT);
  });
});
