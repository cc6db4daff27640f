import { describe, expect, it } from 'vitest';
import { float, int, ints } from '../attributes.js';
import type { GraphBuilder } from '../builder.js';
import { createSession } from '../conformance/executor.js';
import { provenTypes } from '../infer/index.js';
import type { Dim, Model } from '../ir.js';
import { simplify } from '../simplify/index.js';
import { int64 } from '../tensor.js';
import { expectSameNumbers, network, ops, randomTensor } from './numbers.js';
import { gatherRows } from './rows.js';

let seed = 0;
const stored = (b: GraphBuilder, dims: number[]): string => b.initializer(`c${++seed}`, randomTensor(dims, seed));
const linear = (b: GraphBuilder, x: string, from: number, to: number): string =>
  b.node('Add', [stored(b, [to]), b.node('MatMul', [x, stored(b, [from, to])])]);

/** Two steps of an encoder of width 8 after its attention. */
function encoder(shape: Dim[]): Model {
  return network(shape, (b, x) => {
    let y = x;
    for (let i = 0; i < 2; i++) {
      const hidden = b.node('Relu', [linear(b, y, 8, 16)]);
      const sum = b.node('Add', [y, linear(b, hidden, 16, 8)]);
      const norm = { axis: int(-1), epsilon: float(1e-5) };
      y = b.node('LayerNormalization', [sum, stored(b, [8]), stored(b, [8])], norm);
    }
    return y;
  });
}

const gathered = (model: Model) => gatherRows(model, provenTypes(model));

describe('gather-rows', () => {
  it.each([[[2, 3, 8]], [['n', 3, 8]], [[2, 'n', 8]]])('%j: four Gemms for two Reshapes', async (shape) => {
    const model = encoder(shape);
    expect(gathered(model).saved).toBe(2);
    const { model: result } = await simplify(model, createSession);
    expect(ops(result).filter((op) => op === 'Gemm').length).toBe(4);
    expect(ops(result).length).toBe(model.graph.nodes.length - 2);
    await expectSameNumbers(model, result, { absolute: 1e-5, relative: 1e-5 });
  });

  it('leaves two open sizes, what gains nothing, and all of it where roundings must stay', async () => {
    expect(gathered(encoder(['n', 'm', 8])).saved).toBe(0);
    const single = network([2, 3, 8], (b, x) => linear(b, x, 8, 4));
    expect(gathered(single).saved).toBe(0);
    const { model } = await simplify(encoder([2, 3, 8]), createSession, { fuse: false });
    expect(ops(model)).not.toContain('Gemm');
  });

  it('merges with the Reshapes beside it, and leaves what stands at its edges for nothing', async () => {
    const model = network([2, 3, 8], (b, x) => {
      const turned = b.node('Transpose', [x], { perm: ints([1, 0, 2]) });
      const flat = b.node('Reshape', [turned, b.constant(int64([3], [1, 6, 8]))]);
      const y = linear(b, b.node('Relu', [flat]), 8, 4);
      return b.node('Transpose', [b.node('Reshape', [y, b.constant(int64([4], [3, 2, 2, 2]))])], {
        perm: ints([1, 2, 0, 3]),
      });
    });
    expect(gathered(model).saved).toBe(1);
    const { model: result } = await simplify(model, createSession);
    expect(ops(result)).toEqual(['Transpose', 'Reshape', 'Relu', 'Gemm', 'Reshape', 'Transpose']);
    await expectSameNumbers(model, result, { absolute: 1e-6, relative: 1e-6 });
  });
});
