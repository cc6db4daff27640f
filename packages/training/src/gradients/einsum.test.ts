/** Random equations: Einsum written as products against ONNX Runtime's own operator, gradients against differences. */
import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, float32, GraphBuilder, str, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import { gradientErrors } from './central-differences.js';
import { equationProblem } from './einsum.js';

const SIZES: Readonly<Record<string, number>> = { a: 2, b: 3, c: 2, d: 1, e: 4 };
const HIDDEN = [3, 2];

interface Drawn {
  readonly equation: string;
  readonly shapes: readonly number[][];
}

/** One to three operands of up to three letters, at times with an ellipsis whose axes may be broadcast. */
function draw(random: Random): Drawn {
  const operands = Array.from({ length: 1 + random.below(3) }, () => {
    const order = random.permutation(5);
    return Array.from(order.slice(0, 1 + random.below(3)), (i) => 'abcde'[i]!);
  });
  const ellipsis = random.below(3) === 0;
  // The runtime wants the dots to stand for as many axes everywhere.
  const first = random.below(3);
  const shapes = operands.map((letters) => {
    const hidden = ellipsis ? HIDDEN.slice(first).map((d) => (random.below(4) === 0 ? 1 : d)) : [];
    return [...hidden, ...letters.map((l) => SIZES[l]!)];
  });
  const all = [...new Set(operands.flat())];
  const kept = Array.from(random.permutation(all.length), (i) => all[i]!).slice(0, random.below(all.length + 1));
  const dots = ellipsis ? '...' : '';
  const left = operands.map((letters) => dots + letters.join('')).join(random.below(2) ? ',' : ', ');
  const right = random.below(4) === 0 ? '' : `->${dots}${kept.join('')}`;
  return { equation: left + right, shapes };
}

function modelOf({ equation, shapes }: Drawn): Model {
  const b = new GraphBuilder();
  const names = shapes.map((shape, i) => b.input(`x${i}`, 'float32', shape));
  b.output(b.node('Einsum', names, { equation: str(equation) }), 'float32', null);
  return b.build();
}

describe('Einsum', () => {
  it('agrees with the runtime on random equations', async () => {
    const random = new Random(4, 'equations');
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const drawn = draw(random);
      seen.add(drawn.equation);
      const model = modelOf(drawn);
      const feeds: Record<string, Tensor> = Object.fromEntries(
        drawn.shapes.map((shape, k) => {
          const values = Float32Array.from({ length: elementCount(shape) }, () => random.uniform(-1, 1));
          return [`x${k}`, float32(shape, values)];
        }),
      );
      const wrt = Object.keys(feeds);
      const plain = await createSession(encodeModel(model));
      const written = await createSession(encodeModel(buildVectorJacobianModel(model, { wrt })));
      const want = Object.values(await plain.run(feeds))[0]!;
      const got = (await written.run({ ...feeds, seed: want }))[OUTPUT]!;
      await Promise.all([plain.release(), written.release()]);
      expect(got.dims, drawn.equation).toEqual(want.dims);
      (want.data as Float32Array).forEach((v, k) => expect(got.data[k], drawn.equation).toBeCloseTo(v, 5));
      if (i % 6 > 0) continue;
      const errors = await gradientErrors(model, createSession, { feeds, wrt, step: 0.1 });
      for (const error of errors.values()) expect(error, drawn.equation).toBeLessThan(2e-4);
    }
    expect(seen.size).toBeGreaterThan(50);
  });

  it('says which index of which operand stands twice', () => {
    expect(equationProblem('ij,jk->ik')).toBeUndefined();
    expect(equationProblem('ij, kk -> ik')).toMatch(/'k' stands twice in operand 'kk'/);
  });
});
