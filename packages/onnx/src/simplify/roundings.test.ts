import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import {
  compareModels,
  float32,
  GraphBuilder,
  graphAttr,
  int,
  int64,
  ints,
  type Model,
  type Tensor,
} from '../index.js';
import { float16Bits } from '../halves.js';
import { network, randomTensor } from '../rewrite/numbers.js';
import { roundingsOf } from './roundings.js';

/** The numbers of these types in onnx.proto. */
const [FLOAT, HALF, BRAIN] = [int(1), int(10), int(16)];
const cast = (b: GraphBuilder, x: string, to: typeof HALF): string => b.node('Cast', [x], { to });

describe('roundings to 16 bits', () => {
  it('are counted along the longest way, and moves round nothing', () => {
    const chain = (to: typeof HALF): Model =>
      network(['n', 4], (b, x) => {
        const half = cast(b, x, to);
        const turned = b.node('Transpose', [b.node('Relu', [half])], { perm: ints([1, 0]) });
        const far = b.node('Exp', [b.node('Tanh', [b.node('Sigmoid', [turned])])]);
        return cast(b, b.node('Add', [turned, far]), FLOAT);
      });
    // Cast, Sigmoid, Tanh, Exp, Add.
    expect(roundingsOf(chain(HALF))).toEqual({ count: 5, relative: Math.sqrt(2 * 5) * 2 ** -11 });
    expect(roundingsOf(chain(BRAIN))).toEqual({ count: 5, relative: Math.sqrt(2 * 5) * 2 ** -8 });
    expect(roundingsOf(chain(FLOAT))).toEqual({ count: 0, relative: 0 });
  });

  it('are counted in a file that has to be repaired, and are none where types contradict each other', () => {
    const model = (shape: readonly number[]): Model => {
      const b = new GraphBuilder();
      const w = b.constant(float32([2, 1, 3, 3], new Float32Array(18)));
      const y = b.node('Conv', [b.input('x', 'float32', shape), w]);
      b.output(b.node('Cast', [b.node('Cast', [y], { to: HALF })], { to: FLOAT }), 'float32', null);
      return b.build();
    };
    expect(roundingsOf(model([-1, 1, -1, -1])).count).toBe(1);
    expect(roundingsOf(model([1, 5, 4, 4])).count).toBe(0);
  });

  it('are those of the longer branch, behind what the branch reads', () => {
    const branch = (read: string, count: number) => {
      const inner = new GraphBuilder();
      const last = Array.from({ length: count }).reduce<string>((v) => inner.node('Tanh', [v]), read);
      inner.output(last, 'float16', ['n', 4]);
      return graphAttr(inner.graph);
    };
    const model = network(['n', 4], (b, x) => {
      const half = b.node('Sigmoid', [cast(b, x, HALF)]);
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: int(0) }), b.constant(float32([], [0]))]);
      const branches = { then_branch: branch(half, 1), else_branch: branch(half, 3) };
      return cast(b, b.node('If', [flag], branches), FLOAT);
    });
    expect(roundingsOf(model).count).toBe(2 + 3);
  });

  it('explain what other places of rounding do to a network, and no fault', async () => {
    const [width, depth] = [64, 12];
    const half = ({ dims, data }: Tensor): Tensor => ({
      ...{ dtype: 'float16', dims },
      data: Uint16Array.from(data as Float32Array, (v) => float16Bits(v * Math.sqrt(3 / width))),
    });
    /** Products of layers in one piece, or in two that are added up. */
    const layers = (pieces: 1 | 2, scale = 1): Model =>
      network(['n', width], (b, x) => {
        let y = cast(b, x, HALF);
        for (let layer = 0; layer < depth; layer++) {
          const w = b.constant(half(randomTensor([width, width], layer)));
          const part = (v: string, from: number, axis: number): string => {
            const bounds = [from, from + width / 2, axis].map((n) => b.constant(int64([1], [n])));
            return b.node('Slice', [v, ...bounds]);
          };
          const product = (from: number): string => b.node('MatMul', [part(y, from, 1), part(w, from, 0)]);
          y = pieces === 1 ? b.node('MatMul', [y, w]) : b.node('Add', [product(0), product(width / 2)]);
        }
        return b.node('Mul', [cast(b, y, FLOAT), b.constant(float32([], [scale]))]);
      });
    const options = { runs: 4, optimization: 'disabled' as const };
    const apart = await compareModels(layers(1), layers(2), createSession, options);
    expect(apart.relative).toBeGreaterThan(1e-4);
    expect(apart).toMatchObject({ within: true, roundings: depth + 1 });
    expect(apart.tolerance.relative).toBe(Math.sqrt(2 * (depth + 1)) * 2 ** -11);
    const wrong = await compareModels(layers(1), layers(2, 1.02), createSession, options);
    expect(wrong.within).toBe(false);
    const strict = await compareModels(layers(1), layers(2), createSession, {
      ...options,
      tolerance: { absolute: 1e-6, relative: 1e-4 },
    });
    expect(strict).toMatchObject({ within: false, roundings: 0 });
  });
});
