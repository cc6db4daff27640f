/** RNN, GRU and LSTM: every form against central differences of the fused operator. */
import { describe, expect, it } from 'vitest';
import {
  elementCount,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  str,
  strs,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { Random } from '../random.js';
import { buildArchitecture } from '../architectures/registry.js';
import { TARGET } from '../losses.js';
import { openWhole } from '../parallel/whole.js';
import { TrainingState } from '../state.js';
import { buildTrainingModel, buildVectorJacobianModel } from '../training-model.js';
import { gradientErrors } from './central-differences.js';
import type { RecurrentOp } from './recurrent-node.js';

const GATES = { RNN: 1, GRU: 3, LSTM: 4 };

interface Form {
  readonly op: RecurrentOp;
  readonly text: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly directions?: 1 | 2;
  readonly sizes?: { steps: number; batch: number; features: number; hidden: number };
  readonly bias?: boolean;
  readonly lengths?: readonly number[];
  readonly states?: boolean;
  readonly peepholes?: boolean;
  /** Small weights around these biases, in turn: no argument of a gate comes within reach of a kink. */
  readonly biases?: readonly number[];
  /** Which of Y, Y_h, Y_c are read; all that exist unless told otherwise. */
  readonly outputs?: readonly number[];
}

/** A model whose output is a weighted sum of the node's outputs, so that a gradient comes in by each. */
function modelOf(form: Form): { model: Model; feeds: Record<string, Tensor>; wrt: string[] } {
  const { op, directions: d = 1, bias = true, states = false, peepholes = false } = form;
  const { steps, batch, features, hidden } = form.sizes ?? { steps: 4, batch: 3, features: 2, hidden: 3 };
  const b = new GraphBuilder();
  const random = new Random(3, op, form.text);
  const feeds: Record<string, Tensor> = {};
  const wrt: string[] = [];
  const input = (name: string, shape: number[]): string => {
    const reach = form.biases && name !== 'x' ? 0.2 : 1;
    const center = (i: number): number => (form.biases && name === 'b' ? form.biases[i % form.biases.length]! : 0);
    const draw = (_: unknown, i: number): number => center(i) + random.uniform(-reach, reach);
    feeds[name] = float32(shape, Float32Array.from({ length: elementCount(shape) }, draw));
    wrt.push(name);
    return b.input(name, 'float32', shape);
  };
  const g = GATES[op];
  const inputs = [
    input('x', [steps, batch, features]),
    input('w', [d, g * hidden, features]),
    input('r', [d, g * hidden, hidden]),
    bias ? input('b', [d, 2 * g * hidden]) : '',
    form.lengths ? b.constant({ dtype: 'int32', dims: [batch], data: Int32Array.from(form.lengths) }) : '',
    states ? input('h0', [d, batch, hidden]) : '',
    states && op === 'LSTM' ? input('c0', [d, batch, hidden]) : '',
    peepholes ? input('p', [d, 3 * hidden]) : '',
  ];
  const read = form.outputs ?? (op === 'LSTM' ? [0, 1, 2] : [0, 1]);
  const names = [0, 1, 2].slice(0, Math.max(...read) + 1).map((i) => (read.includes(i) ? `out${i}` : ''));
  const kept = inputs.slice(0, inputs.findLastIndex((i) => i !== '') + 1);
  b.node(op, kept, { hidden_size: int(hidden), ...form.attributes }, names.length, { outputNames: names });
  const flat = read.map((i) =>
    b.node('Reshape', [`out${i}`, b.constant({ dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) })]),
  );
  b.output(flat.length === 1 ? flat[0]! : b.node('Concat', flat, { axis: int(0) }), 'float32', null);
  return { model: b.build(), feeds, wrt };
}

const both = { direction: str('bidirectional') };
const back = { direction: str('reverse') };
const linear = { linear_before_reset: int(1) };
const uneven = [2, 4, 1];

const forms: readonly Form[] = (['RNN', 'GRU', 'LSTM'] as const).flatMap((op): Form[] => [
  { op, text: 'forward, all outputs' },
  { op, text: 'only the last state is read, no bias', outputs: [1], bias: false },
  { op, text: 'only the states are read, with initial ones', outputs: [0], states: true },
  { op, text: 'reverse, initial states', attributes: back, states: true },
  { op, text: 'bidirectional, initial states', attributes: both, directions: 2, states: true },
  { op, text: 'lengths', lengths: uneven },
  { op, text: 'reverse, lengths, initial states', attributes: back, lengths: uneven, states: true },
  { op, text: 'bidirectional, lengths', attributes: both, directions: 2, lengths: uneven },
  { op, text: 'one step', sizes: { steps: 1, batch: 2, features: 3, hidden: 2 }, states: true },
  { op, text: 'clipped', attributes: { clip: float(2) }, biases: [0, 2, -2] },
]);
const special: readonly Form[] = [
  { op: 'RNN', text: 'Relu', attributes: { activations: strs(['Relu']) }, biases: [1, -1, 0.8] },
  { op: 'GRU', text: 'linear before reset', attributes: linear },
  { op: 'GRU', text: 'linear before reset, no bias', attributes: linear, bias: false, outputs: [1] },
  {
    op: 'GRU',
    text: 'linear before reset, bidirectional, lengths, initial states',
    attributes: { ...linear, ...both },
    directions: 2,
    lengths: uneven,
    states: true,
  },
  { op: 'GRU', text: 'HardSigmoid', attributes: { activations: strs(['HardSigmoid', 'Tanh']) }, biases: [0, 3, -3] },
  { op: 'LSTM', text: 'peepholes', peepholes: true },
  {
    op: 'LSTM',
    text: 'peepholes, bidirectional, lengths, initial states',
    attributes: both,
    directions: 2,
    peepholes: true,
    lengths: uneven,
    states: true,
  },
  { op: 'LSTM', text: 'only the cell state is read', outputs: [2] },
];

describe('recurrent gradients against central differences', () => {
  for (const form of [...forms, ...special]) {
    it(`${form.op}: ${form.text}`, async () => {
      const { model, feeds, wrt } = modelOf(form);
      const errors = await gradientErrors(model, createSession, { feeds, wrt });
      expect([...errors.keys()]).toEqual(wrt);
      for (const [name, error] of errors) expect(error, name).toBeLessThan(2e-4);
    });
  }
});

describe('what is exported', () => {
  it.each(['gru', 'lstm', 'rnn'])(
    'is the fused %s with the trained weights, and answers as the step did',
    async (cell) => {
      const params = { cell, layers: 2, bidirectional: true, hidden: 6, pooling: 'mean' };
      const model = buildArchitecture('recurrent', { input: [9, 4], classes: 3, params }, 2);
      const optimizer = { name: 'adamw' as const, learningRate: 0.01 };
      const training = buildTrainingModel(model, { loss: { kind: 'mse' }, optimizer, batch: 5 });
      const random = new Random(6, cell);
      const noise = (dims: readonly number[]): Tensor =>
        float32(
          dims,
          Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1)),
        );
      const feeds = { input: noise([5, 9, 4]), [TARGET]: noise([5, 3]) };
      const state = new TrainingState(training, model, optimizer);
      const stepper = await openWhole(training, state, createSession);
      for (let i = 1; i <= 3; i++) await stepper.step({ feeds, learningRate: 0.01, step: i, dropoutSeed: 1 });
      const exported = state.export();
      const { output } = await stepper.step({ feeds, learningRate: 0.01, step: 4, dropoutSeed: 1 });
      const session = await createSession(encodeModel(exported));
      const answer = Object.values(await session.run({ input: feeds.input }))[0]!.data as Float32Array;
      await Promise.all([stepper.release(), session.release()]);
      expect(exported.graph.nodes.map((n) => n.op)).toEqual(model.graph.nodes.map((n) => n.op));
      answer.forEach((v, i) => expect(v).toBeCloseTo(output[i]!, 6));
    },
  );
});

describe('recurrent nodes without a gradient', () => {
  it('are refused with everything that is wrong about them', () => {
    const attributes = { input_forget: int(1), activations: strs(['Sigmoid', 'Softsign', 'Tanh']) };
    const { model, wrt } = modelOf({ op: 'LSTM', text: 'odd', attributes });
    expect(() => buildVectorJacobianModel(model, { wrt })).toThrow(
      expect.objectContaining({ code: 'no-gradient', message: expect.stringMatching(/softsign.*input_forget/) }),
    );
  });
});
