import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../builder.js';
import { graphAttr } from '../../attributes.js';
import type { Attribute } from '../../ir.js';
import { float32 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { inlineIf } from './inline-if.js';

/** A branch that reads a value from outside and holds a constant of its own. */
function branch(x: string, op: string): Attribute {
  const inner = new GraphBuilder(undefined, new Set([x]));
  const two = inner.initializer('two', float32([], [2]));
  const y = inner.node(op, [inner.node('Exp', [x], {}, 1, { outputNames: ['e'] }), two], {}, 1, { outputNames: ['r'] });
  inner.output(y, 'float32', [2, 3]);
  return graphAttr(inner.graph);
}

const build = (value: number) =>
  network([2, 3], (b, x) => {
    const condition = b.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(value) });
    // Branches may use the same names as others; side by side in one graph they may not.
    const attributes = () => ({ then_branch: branch(x, 'Add'), else_branch: branch(x, 'Mul') });
    return b.node('Sub', [b.node('If', [condition], attributes()), b.node('If', [condition], attributes())]);
  });

describe('inline-if', () => {
  it.each([
    [1, 'Add'],
    [0, 'Mul'],
  ])('puts the branch for %d, %s, in its place', async (value, op) => {
    const model = build(value);
    const { model: result, fired } = rewritten(model, [inlineIf]);
    expect(fired.length).toBe(2);
    expect(ops(result)).toEqual(['Exp', op, 'Exp', op, 'Sub']);
    await expectSameNumbers(model, result, EXACT);
  });
});
