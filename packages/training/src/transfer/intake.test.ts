/** Files that executors take though they are not as training wants them. */
import {
  assertLegal,
  float32,
  GraphBuilder,
  graphAttr,
  int,
  int64,
  LegalityError,
  tensorInfo,
  type FunctionBody,
  type Graph,
  type Model,
  type Node,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { fit } from '../fit.js';
import { validate } from '../loop/validation.js';
import { Random } from '../random.js';
import { separateParameters } from './form.js';
import { oneStep } from './one-step.js';

const random = new Random(5, 'intake');
const drawn = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1)),
  );

const node = (op: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node => ({
  ...{ op, domain: '', name: '', inputs, outputs, attributes: new Map() },
  ...more,
});

const moved = (parameters: readonly { name: string; fate: string }[]): string[] =>
  parameters.filter((p) => p.fate === 'moves').map((p) => p.name);

/** x [batch, 4] -> Tanh of a product -> y [batch, 3]. */
function plain(): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', ['batch', 4]);
  b.initializer('w', drawn(4, 3));
  b.graph.nodes.push(node('MatMul', ['x', 'w'], ['h']), node('Tanh', ['h'], ['y']));
  b.graph.outputs.push(tensorInfo('y', 'float32', ['batch', 3]));
  return b.build({ opset: 17 });
}

describe('what executors take', () => {
  const broken = (): Model => {
    const model = plain();
    const { graph } = model;
    const [input] = graph.inputs;
    return {
      ...model,
      repeatedOpsets: [''],
      graph: {
        ...graph,
        inputs: [{ ...input!, type: { kind: 'tensor', dtype: 'float32', shape: [-1, 4] } }],
        nodes: graph.nodes.toReversed().map((n) => ({ ...n, name: 'same' })),
      },
    };
  };

  it('is repaired before it is trained, and said', async () => {
    const { result, errors } = await oneStep(broken(), createSession, [4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
    expect(result.repairs.map((r) => r.code).sort()).toEqual([
      'negative-dimension',
      'node-name',
      'opset-repeated',
      'topological-order',
    ]);
    assertLegal(result.model);
    const whole = await oneStep(plain(), createSession, [4]);
    expect(whole.result.repairs).toEqual([]);
  });

  it('is refused where that is asked for', () => {
    expect(() => separateParameters(broken(), [], { strict: true })).toThrow(LegalityError);
    expect(separateParameters(plain(), [], { strict: true }).repairs).toEqual([]);
  });
});

describe('functions of a model', () => {
  it('are written out, with their weights', async () => {
    const dense: FunctionBody = {
      ...{ domain: 'own', name: 'Dense', inputs: ['a', 'weight'], outputs: ['y'], attributes: [] },
      nodes: [
        node('Constant', [], ['bias'], {
          attributes: new Map([['value', { kind: 'tensor', value: { name: '', value: drawn(3) } }]]),
        }),
        node('MatMul', ['a', 'weight'], ['h']),
        node('Add', ['h', 'bias'], ['s']),
        node('Tanh', ['s'], ['y']),
      ],
      opsets: new Map([['', 17]]),
    };
    const model = plain();
    model.graph.nodes = [node('Dense', ['x', 'w'], ['y'], { domain: 'own', name: 'head' })];
    const given: Model = { ...model, opsets: new Map([...model.opsets, ['own', 1]]), functions: [dense] };
    const { result } = await oneStep(given, createSession, [4]);
    expect(moved(result.parameters).sort()).toEqual(['head.bias', 'w']);
    // The same without a function takes the same step.
    const flat = separateParameters(given).model;
    const { result: again, errors } = await oneStep(flat, createSession, [4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
    expect(result.bytes).toEqual(again.bytes);
    expect(result.model.functions).toEqual([]);
  });
});

describe('branches', () => {
  const branch = (weight: string, op: string): Graph => {
    const b = new GraphBuilder();
    b.initializer(weight, drawn(4, 3));
    b.graph.nodes.push(node('MatMul', ['x', weight], [`${op}.h`]), node(op, [`${op}.h`], [`${op}.y`]));
    b.graph.outputs.push(tensorInfo(`${op}.y`, 'float32', ['batch', 3]));
    return b.graph;
  };
  const switched = (condition: (b: GraphBuilder) => string): Model => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['batch', 4]);
    const name = condition(b);
    b.graph.nodes.push(
      node('If', [name], ['y'], {
        attributes: new Map([
          ['then_branch', graphAttr(branch('w', 'Tanh'))],
          ['else_branch', graphAttr(branch('v', 'Sigmoid'))],
        ]),
      }),
    );
    b.graph.outputs.push(tensorInfo('y', 'float32', ['batch', 3]));
    return b.build({ opset: 17 });
  };
  const byRate = switched((b) => {
    b.input('rate', 'int64', []);
    return b.node('Equal', ['rate', b.constant(int64([], [16000]))]);
  });

  it.each([
    [16000, 'w', 'v'],
    [8000, 'v', 'w'],
  ] as const)(
    'that a fixed input of %i decides train the weights of the one that is taken',
    async (rate, own, other) => {
      const samples = { x: drawn(5, 4).data, shape: [4], y: new Int32Array(5), targets: drawn(5, 3).data };
      const result = await fit({
        ...{ model: byRate, createSession, train: samples, validation: samples, epochs: 1, batchSize: 5 },
        ...{ optimizer: { name: 'sgd', learningRate: 0.5 }, loss: { kind: 'mse' }, schedule: { name: 'constant' } },
        fixedInputs: { rate },
      });
      expect(moved(result.parameters)).toEqual([own]);
      expect(result.parameters.find((p) => p.name === other)?.fate).toBe('left-out');
      // The file still has both branches, and the trained weights among the constants around them.
      expect(result.model.graph.nodes.map((n) => n.op)).toEqual(['Equal', 'If']);
      const session = await createSession(result.bytes);
      const { y } = await session.run({
        x: float32([5, 4], samples.x),
        rate: int64([], [rate]),
      });
      await session.release();
      const loss = (y!.data as Float32Array).reduce((sum, v, i) => sum + (v - samples.targets[i]!) ** 2, 0) / 15;
      expect(loss).toBeCloseTo(result.validation.loss, 5);
      expect(loss).toBeLessThan(result.history[0]!.trainLoss);
    },
  );

  it('that the samples decide are named', async () => {
    const model = switched((b) => {
      const sum = b.node('ReduceSum', ['x'], { keepdims: int(0) });
      return b.node('Greater', [sum, b.constant(float32([], [0]))]);
    });
    await expect(oneStep(model, createSession, [4])).rejects.toThrow(/no gradient is known for node .*\(If\)/);
  });
});

describe('what a classifier of another tool gives', () => {
  const classifier = (): Model => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [null, 4]);
    b.initializer('w', drawn(4, 3));
    b.graph.nodes.push(
      node('MatMul', ['x', 'w'], ['scores']),
      node('Softmax', ['scores'], ['p'], { attributes: new Map([['axis', int(1)]]) }),
      node('ArgMax', ['p'], ['label'], {
        attributes: new Map([
          ['axis', int(1)],
          ['keepdims', int(0)],
        ]),
      }),
      node('ZipMap', ['p'], ['probability'], {
        domain: 'ai.onnx.ml',
        attributes: new Map([['classlabels_int64s', { kind: 'ints', value: [0n, 1n, 2n] }]]),
      }),
    );
    b.graph.outputs.push(tensorInfo('label', 'int64', [null]), {
      name: 'probability',
      type: {
        kind: 'sequence',
        element: { kind: 'map', key: 'int64', value: { kind: 'tensor', dtype: 'float32', shape: null } },
      },
    });
    return b.build({ opset: 13, opsets: { 'ai.onnx.ml': 1 } });
  };

  it('is trained by its scores, and stays as it is in the file', async () => {
    const model = classifier();
    const x = drawn(60, 4).data;
    const y = Int32Array.from({ length: 60 }, (_, i) => (x[4 * i]! > 0.2 ? 2 : x[4 * i + 1]! > 0 ? 1 : 0));
    const samples = { x, y, shape: [4] };
    const result = await fit({
      ...{ model, createSession, train: samples, validation: samples, epochs: 30, batchSize: 20 },
      optimizer: { name: 'adam', learningRate: 0.1 },
    });
    expect(result.validation.accuracy).toBeGreaterThan(0.8);
    expect(result.assumed).toEqual(["of 2 outputs 'probability' is trained (float32 [?, 3])"]);
    expect(result.model.graph.nodes.map((n) => n.op)).toEqual(['MatMul', 'Softmax', 'ArgMax', 'ZipMap']);
    expect(result.model.graph.outputs).toEqual(model.graph.outputs);
    const again = await validate(result.model, samples, { createSession, loss: { kind: 'cross-entropy' } });
    expect(again.accuracy).toBe(result.validation.accuracy);
    expect(again.loss).toBeCloseTo(result.validation.loss, 5);
  });
});
