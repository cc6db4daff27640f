/** An LSTM that is written out against the fused operator and the gradient that recomputes its gates. */
import {
  elementCount,
  encodeModel,
  float32,
  GraphBuilder,
  int,
  int64,
  str,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';

const [BATCH, FEATURES, HIDDEN] = [64, 8, 64];

interface Form {
  readonly text: string;
  readonly steps?: number;
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  readonly bare?: boolean;
  readonly batchFirst?: boolean;
  /** Which of Y, Y_h, Y_c are read. */
  readonly outputs?: readonly number[];
}

const shapesOf = ({ steps = 3, direction, bare, batchFirst }: Form): Record<string, number[]> => {
  const d = direction === 'bidirectional' ? 2 : 1;
  const state = batchFirst ? [BATCH, d, HIDDEN] : [d, BATCH, HIDDEN];
  const weights = { w: [d, 4 * HIDDEN, FEATURES], r: [d, 4 * HIDDEN, HIDDEN] };
  const x = batchFirst ? [BATCH, steps, FEATURES] : [steps, BATCH, FEATURES];
  return { x, ...weights, ...(!bare && { b: [d, 8 * HIDDEN], h0: state, c0: state }) };
};

/** With lengths, which are all of the steps, the operator stays whole. */
function modelOf(form: Form, lengths: boolean): Model {
  const { steps = 3, direction = 'forward', batchFirst, outputs = [0, 1, 2] } = form;
  const shapes = shapesOf(form);
  const b = new GraphBuilder();
  const input = (name: string): string => (shapes[name] ? b.input(name, 'float32', shapes[name]) : '');
  const inputs = ['x', 'w', 'r', 'b'].map(input);
  const data = new Int32Array(BATCH).fill(steps);
  inputs.push(lengths ? b.constant({ dtype: 'int32', dims: [BATCH], data }) : '', input('h0'), input('c0'));
  const kept = inputs.slice(0, inputs.findLastIndex((i) => i !== '') + 1);
  const attributes = { hidden_size: int(HIDDEN), direction: str(direction), layout: int(batchFirst ? 1 : 0) };
  const outputNames = [0, 1, 2].map((i) => (outputs.includes(i) ? `out${i}` : ''));
  b.node('LSTM', kept, attributes, 3, { outputNames });
  const flat = outputs.map((i) => b.node('Reshape', [`out${i}`, b.constant(int64([1], [-1]))]));
  b.output(flat.length === 1 ? flat[0]! : b.node('Concat', flat, { axis: int(0) }), 'float32', null);
  return b.build();
}

const forms: readonly Form[] = [
  { text: 'forward' },
  { text: 'reverse', direction: 'reverse' },
  { text: 'bidirectional', direction: 'bidirectional' },
  { text: 'bidirectional, batch first', direction: 'bidirectional', batchFirst: true },
  { text: 'without bias and initial states, only the last state is read', bare: true, outputs: [1] },
  { text: 'only the hidden states are read', outputs: [0] },
  { text: 'only the cell state is read', outputs: [2] },
  { text: 'one step', steps: 1 },
];

describe('an LSTM that is written out', () => {
  it.each(forms)('has the numbers and gradients of the operator: $text', async (form) => {
    const random = new Random(8, form.text);
    const drawn = (dims: readonly number[], reach: number): Tensor => {
      return float32(
        dims,
        Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-reach, reach)),
      );
    };
    const shapes = shapesOf(form);
    const feeds = Object.fromEntries(
      Object.entries(shapes).map(([name, dims]) => [name, drawn(dims, name === 'x' ? 1 : 0.3)]),
    );
    const wrt = Object.keys(shapes);
    let seed: Tensor | undefined;
    const run = async (lengths: boolean): Promise<Record<string, Tensor>> => {
      const graph = buildVectorJacobianModel(modelOf(form, lengths), { wrt });
      expect(graph.graph.nodes.some((n) => n.op === 'LSTM')).toBe(lengths);
      const session = await createSession(encodeModel(graph), { optimization: 'extended' });
      const wanted = graph.graph.outputs.find((o) => o.name === OUTPUT)!.type;
      seed ??= drawn(wanted?.kind === 'tensor' ? wanted.shape!.map(Number) : [], 1);
      const results = await session.run({ ...feeds, seed });
      await session.release();
      return results;
    };
    const [open, whole] = [await run(false), await run(true)];
    expect(Object.keys(open)).toEqual(Object.keys(whole));
    for (const [name, expected] of Object.entries(whole)) {
      const [actual, wanted] = [open[name]!.data as Float32Array, expected.data as Float32Array];
      expect(open[name]!.dims, name).toEqual(expected.dims);
      const scale = wanted.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const worst = wanted.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[i]!)), 0);
      expect(scale, name).toBeGreaterThan(0);
      expect(worst / scale, name).toBeLessThan(5e-6);
    }
  });
});
