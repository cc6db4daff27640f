/**
 * Weights of recurrent layers that are rounded to levels: the gradients by them and by their scales against the gradient of the plain layer
 * at the rounded weights, which other tests hold against PyTorch, and the formulas of LSQ (arXiv 1902.08153, equations 3 and 5).
 */
import { elementCount, encodeModel, float32, GraphBuilder, int, int64, str, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { joinPairs } from '../lowering/quantised-pairs.js';
import { Random } from '../random.js';
import { buildVectorJacobianModel } from '../training-model.js';

const [STEPS, BATCH, FEATURES, HIDDEN] = [3, 2, 5, 4];
const [LOW, HIGH] = [-8, 7];

type Floats = ReturnType<typeof float32>;

async function gradients(
  b: GraphBuilder,
  feeds: Record<string, Tensor>,
  wrt: readonly string[],
): Promise<Record<string, Float32Array>> {
  const model = buildVectorJacobianModel(b.build({ opset: 21 }), { wrt, lower: (f) => joinPairs(f, new Set()) });
  const session = await createSession(encodeModel(model), { quantizeAsWritten: true });
  const asked = Object.fromEntries(session.inputNames.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : [])));
  const found = await session.run(asked);
  await session.release();
  return Object.fromEntries(wrt.map((name) => [name, found[`gradient.${name}`]!.data as Float32Array]));
}

describe('a recurrent layer with weights on levels', () => {
  it.each([
    ['LSTM', 4, 1],
    ['LSTM', 4, 2],
    ['GRU', 3, 1],
    ['GRU', 3, 2],
    ['RNN', 1, 2],
  ] as const)('%s with %i gates, %i directions', async (op, gates, directions) => {
    const random = new Random(4, op);
    const drawn = (dims: readonly number[], from: number, to: number): Floats =>
      float32(
        dims,
        Float32Array.from({ length: elementCount(dims) }, () => random.uniform(from, to)),
      );
    const rows = directions * gates * HIDDEN;
    const shapes = { w: [directions, gates * HIDDEN, FEATURES], r: [directions, gates * HIDDEN, HIDDEN] };
    const x = drawn([STEPS, BATCH, FEATURES], -1, 1);
    const weights = { w: drawn(shapes.w, -1, 1), r: drawn(shapes.r, -1, 1) };
    // With the least of the scales more than a half of the weights lies outside, with the largest none.
    const scales = { w: drawn([rows], 0.05, 0.2), r: drawn([rows], 0.05, 0.2) };
    const seed = drawn([directions * BATCH * HIDDEN], -1, 1);
    const attributes = { hidden_size: int(HIDDEN), direction: str(directions === 2 ? 'bidirectional' : 'forward') };
    const layer = (b: GraphBuilder, w: string, r: string): void => {
      b.node(op, [b.input('x', 'float32', x.dims), w, r], attributes, 2, { outputNames: ['', 'states'] });
      b.output(b.node('Reshape', ['states', b.constant(int64([1], [-1]))]), 'float32', null);
    };

    const quantised = new GraphBuilder();
    const zero = quantised.constant({ dtype: 'int4', dims: [rows], data: new Uint8Array(Math.ceil(rows / 2)) });
    const rounded = (name: 'w' | 'r'): string => {
      const scale = quantised.input(`${name}.scale`, 'float32', [rows]);
      const shape = (dims: readonly number[]): string => quantised.constant(int64([dims.length], dims));
      const apart = quantised.node('Reshape', [quantised.input(name, 'float32', shapes[name]), shape([rows, -1])]);
      const levels = quantised.node('QuantizeLinear', [apart, scale, zero], { axis: int(0) });
      const back = quantised.node('DequantizeLinear', [levels, scale, zero], { axis: int(0) });
      return quantised.node('Reshape', [back, shape(shapes[name])]);
    };
    layer(quantised, rounded('w'), rounded('r'));
    const given = { x, ...weights, 'w.scale': scales.w, 'r.scale': scales.r, seed };
    const got = await gradients(quantised, given, ['w', 'r', 'w.scale', 'r.scale']);

    const level = (name: 'w' | 'r', i: number): number => {
      const scale = scales[name].data[Math.floor(i / (weights[name].data.length / rows))]!;
      return weights[name].data[i]! / scale;
    };
    const cut = (v: number): number => Math.min(HIGH, Math.max(LOW, Math.round(v)));
    const onLevels = (name: 'w' | 'r'): Floats => {
      const { dims, data } = weights[name];
      return float32(
        dims,
        data.map((v, i) => (cut(level(name, i)) * v) / level(name, i)),
      );
    };
    const plain = new GraphBuilder();
    layer(plain, plain.input('w', 'float32', shapes.w), plain.input('r', 'float32', shapes.r));
    const at = await gradients(plain, { x, w: onLevels('w'), r: onLevels('r'), seed }, ['w', 'r']);

    for (const name of ['w', 'r'] as const) {
      const inside = (v: number): boolean => Math.round(v) >= LOW && Math.round(v) <= HIGH;
      const byScale = new Float64Array(rows);
      const byWeight = at[name]!.map((dy, i) => {
        const v = level(name, i);
        byScale[Math.floor(i / (weights[name].data.length / rows))]! += dy * (inside(v) ? Math.round(v) - v : cut(v));
        return inside(v) ? dy : 0;
      });
      expect(byWeight.filter((v) => v === 0).length).toBeGreaterThan(0);
      const largest = Math.max(...at[name]!.map(Math.abs));
      byWeight.forEach((v, i) => expect(Math.abs(v - got[name]![i]!)).toBeLessThan(1e-5 * largest));
      byScale.forEach((v, row) => expect(Math.abs(v - got[`${name}.scale`]![row]!)).toBeLessThan(2e-4 * largest));
    }
  });
});
