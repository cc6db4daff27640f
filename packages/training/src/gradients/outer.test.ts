import { describe, expect, it } from 'vitest';
import { attrInt, elementCount, encodeModel, float32, GraphBuilder, int, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { buildVectorJacobianModel } from '../training-model.js';

const random = new Random(8, 'outer');
const drawn = (shape: readonly number[]): Tensor & { dtype: 'float32' } => {
  const data = Float32Array.from({ length: elementCount(shape) }, () => random.uniform(-1, 1));
  return float32(shape, data) as Tensor & { dtype: 'float32' };
};

/** The sum of the outer products of rows, written out. */
function expected(
  a: Float32Array,
  b: Float32Array,
  [count, rows, columns]: readonly [number, number, number],
): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    const [r, c] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let i = 0; i < count; i++) sum += a[i * rows + r]! * b[i * columns + c]!;
    return sum;
  });
}

describe('the gradient of a weight matrix', () => {
  it.each([
    { text: 'few columns', sizes: [6, 5, 7], turned: 0 },
    { text: 'several strips of columns', sizes: [9, 20, 150], turned: 1 },
    { text: 'a long sum of few columns', sizes: [170, 40, 8], turned: 2 },
  ] as const)('is the product that it should be: $text', async ({ sizes, turned }) => {
    const [count, rows, columns] = sizes;
    for (const transB of [0, 1]) {
      const b = new GraphBuilder();
      // The gradient of W is X^T dY, and that of a transposed one dY^T X.
      const [inside, outside] = transB ? [columns, rows] : [rows, columns];
      const [x, w] = [b.input('x', 'float32', [count, inside]), b.input('w', 'float32', [rows, columns])];
      b.output(b.node('Gemm', [x, w], { transB: int(transB) }), 'float32', [count, outside]);
      const model = buildVectorJacobianModel(b.build(), { wrt: ['w'] });
      const made = model.graph.nodes;
      expect(made.filter((n) => n.op === 'Transpose').length).toBe(turned);
      expect(made.filter((n) => attrInt(n, 'transA', 0) === 1).length).toBe(turned === 0 ? 1 : 0);
      const session = await createSession(encodeModel(model), { optimization: 'extended' });
      const feeds = { x: drawn([count, inside]), w: drawn([rows, columns]), seed: drawn([count, outside]) };
      const given = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
      const found = (await session.run(given))['gradient.w']!.data as Float32Array;
      await session.release();
      const [first, second] = transB ? [feeds.seed, feeds.x] : [feeds.x, feeds.seed];
      expected(first.data, second.data, sizes).forEach((v, i) => expect(found[i]).toBeCloseTo(v, 4));
    }
  });
});
