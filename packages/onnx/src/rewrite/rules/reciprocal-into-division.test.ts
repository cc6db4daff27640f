import { describe, expect, it } from 'vitest';
import { float32 } from '../../tensor.js';
import { expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { reciprocalIntoDivision } from './reciprocal-into-division.js';

const build = (inverse: 'Reciprocal' | 'Div' | 'half', left: boolean) =>
  network(['n', 4], (b, x) => {
    const y = b.node('Add', [b.node('Abs', [x]), b.constant(float32([], [0.5]))]);
    const one = b.constant(float32([], [inverse === 'half' ? 0.5 : 1]));
    const z = inverse === 'Reciprocal' ? b.node('Reciprocal', [y]) : b.node('Div', [one, y]);
    return b.node('Mul', left ? [z, x] : [x, z]);
  });

describe('reciprocal-into-division', () => {
  it.each([
    ['Reciprocal', false],
    ['Reciprocal', true],
    ['Div', false],
    ['Div', true],
  ] as const)('%s, on the left: %s', async (inverse, left) => {
    const model = build(inverse, left);
    const { model: result, fired } = rewritten(model, reciprocalIntoDivision);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Abs', 'Add', 'Div']);
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });

  it('leaves a dividend that is not 1', () => {
    expect(rewritten(build('half', false), reciprocalIntoDivision).declined[0]!.reason).toMatch(/not 1/);
  });
});
