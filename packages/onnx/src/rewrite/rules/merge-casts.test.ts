import { describe, expect, it } from 'vitest';
import { int } from '../../attributes.js';
import { DATA_TYPES } from '../../datatypes.js';
import type { DataType } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeCasts } from './merge-casts.js';

const build = (from: DataType, ...to: DataType[]) =>
  network(
    [3, 5],
    (b, x) => to.reduce((value, type) => b.node('Cast', [value], { to: int(DATA_TYPES[type].code) }), x),
    { dtype: from },
  );

describe('merge-casts', () => {
  it.each([
    ['float32', 'float64', 'float16'],
    ['int32', 'int64', 'float32'],
    ['bool', 'uint8', 'int64'],
    ['uint8', 'int32', 'float32'],
  ] as DataType[][])('drops the cast from %s over %s to %s', async (from, ...to) => {
    const model = build(from!, ...to);
    const { model: result, fired } = rewritten(model, [mergeCasts]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Cast']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('keeps a cast that rounds', () => {
    const { fired, declined } = rewritten(build('float32', 'float16', 'float32'), [mergeCasts]);
    expect([fired, declined[0]!.reason]).toEqual([[], 'float16 does not hold every float32']);
  });
});
