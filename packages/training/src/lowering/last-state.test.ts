import {
  elementCount,
  encodeModel,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { prepareForward } from '../forward.js';
import { Random } from '../random.js';
import { lastStates } from './last-state.js';

const [STEPS, BATCH, FEATURES, HIDDEN] = [5, 3, 2, 4];
const GATES = { RNN: 1, GRU: 3, LSTM: 4 };

const drawn = (dims: readonly number[]): Tensor => {
  const random = new Random(5, dims.join());
  return float32(
    dims,
    Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1)),
  );
};

/** A layer over [batch, steps, features] whose states of one step are read as `out[:, step]`. */
function reading(op: keyof typeof GATES, step: number, attributes: Record<string, Attribute> = {}): Model {
  const b = new GraphBuilder();
  const directions = 'direction' in attributes ? 2 : 1;
  const x = b.node('Transpose', [b.input('x', 'float32', ['n', STEPS, FEATURES])], { perm: ints([1, 0, 2]) });
  const weights = [FEATURES, HIDDEN].map((n, i) => b.initializer(`w${i}`, drawn([directions, GATES[op] * HIDDEN, n])));
  const y = b.node(op, [x, ...weights], { hidden_size: int(HIDDEN), ...attributes });
  const one =
    directions === 1
      ? b.node('Squeeze', [y, b.constant(int64([1], [1]))])
      : b.node('ReduceSum', [y, b.constant(int64([1], [1]))], { keepdims: int(0) });
  const rows = b.node('Transpose', [one], { perm: ints([1, 0, 2]) }, 1, { outputNames: ['states'] });
  b.output(b.node('Gather', [rows, b.constant(int64([], [step]))], { axis: int(1) }), 'float32', ['n', HIDDEN]);
  return b.build();
}

const operators = (model: Model, kept: string[] = []): string[] =>
  lastStates(prepareForward(model, BATCH), new Set(kept)).graph.nodes.map((n) => n.op);

describe("what is read of a layer's last step", () => {
  it.each(['RNN', 'GRU', 'LSTM'] as const)('is the last state of %s, to the bit', async (op) => {
    for (const step of [-1, STEPS - 1]) {
      const model = reading(op, step);
      const forward = prepareForward(model, BATCH);
      const graph = lastStates(forward, new Set()).graph;
      expect(graph.nodes.map((n) => n.op)).toEqual(['Transpose', op, 'Reshape']);
      expect(graph.nodes[1]!.outputs[0]).toBe('');
      const run = async (of: typeof graph): Promise<unknown> => {
        const session = await createSession(encodeModel({ ...model, graph: of }));
        const result = Object.values(await session.run({ x: drawn([BATCH, STEPS, FEATURES]) }))[0]!.data;
        await session.release();
        return result;
      };
      expect(await run(graph)).toEqual(await run(forward.graph));
    }
  });

  it('stays where it is another step, a sum of two directions, or reversed', () => {
    for (const model of [reading('GRU', -2), reading('GRU', -1, { direction: str('bidirectional') })])
      expect(operators(model)).toContain('Gather');
    const reversed = reading('LSTM', -1);
    const layer = reversed.graph.nodes.find((n) => n.op === 'LSTM')!;
    const attributes = new Map([...layer.attributes, ['direction', str('reverse')] as const]);
    const nodes = reversed.graph.nodes.map((n) => (n === layer ? { ...n, attributes } : n));
    expect(operators({ ...reversed, graph: { ...reversed.graph, nodes } })).toContain('Gather');
  });

  it('leaves all steps to what reads them by name', () => {
    expect(operators(reading('LSTM', -1), ['states'])).toEqual([
      'Transpose',
      'LSTM',
      'Squeeze',
      'Transpose',
      'Reshape',
    ]);
  });
});
