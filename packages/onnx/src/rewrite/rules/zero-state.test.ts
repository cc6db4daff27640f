import { describe, expect, it } from 'vitest';
import { int, str, tensorAttr } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { float32, int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, randomTensor, rewritten } from '../numbers.js';
import { zeroState } from './zero-state.js';

const HIDDEN = 3;
const GATES = { RNN: 1, GRU: 3, LSTM: 4 };

/** The size of the batch as a shape for a state, as exporters compute it. */
function filled(b: GraphBuilder, x: string, directions: number, fill: number): string {
  const batch = b.node('Gather', [b.node('Shape', [x]), b.constant(int64([1], [1]))]);
  const parts = [b.constant(int64([1], [2 * directions])), batch, b.constant(int64([1], [HIDDEN]))];
  const shape = b.node('Concat', parts, { axis: int(0) });
  const all = b.node('ConstantOfShape', [shape], { value: tensorAttr(float32([1], [fill])) });
  const [start, end, axis] = [0, directions, 0].map((n) => b.constant(int64([1], [n])));
  return b.node('Slice', [all, start!, end!, axis!]);
}

function layer(op: keyof typeof GATES, direction: string, fill = 0, size?: number) {
  const directions = direction === 'bidirectional' ? 2 : 1;
  return network([4, 'n', 2], (b, x) => {
    const rows = GATES[op] * HIDDEN;
    const weights = [
      b.initializer('w', randomTensor([directions, rows, 2], 1)),
      b.initializer('r', randomTensor([directions, rows, HIDDEN], 2)),
    ];
    const state = size
      ? b.initializer('state', float32([directions, size, HIDDEN], new Float32Array(directions * size * HIDDEN)))
      : filled(b, x, directions, fill);
    const inputs = [x, ...weights, '', '', state, ...(op === 'LSTM' ? [state] : [])];
    return b.node(op, inputs, { hidden_size: int(HIDDEN), direction: str(direction) }, 2)[0]!;
  });
}

describe('zero-state', () => {
  it.each([
    ['RNN', 'forward'],
    ['GRU', 'reverse'],
    ['LSTM', 'bidirectional'],
  ] as const)('%s, %s', async (op, direction) => {
    const model = layer(op, direction);
    const { model: result, fired } = rewritten(model, [zeroState]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual([op]);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves a state that is not 0, or not of the size of the batch', () => {
    expect(rewritten(layer('GRU', 'forward', 1), [zeroState]).fired).toEqual([]);
    expect(rewritten(layer('GRU', 'forward', 0, 1), [zeroState]).fired).toEqual([]);
  });
});
