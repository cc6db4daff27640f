import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int, ints, str, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { checkDifferentiable } from './backward.js';
import { gradientErrors } from './gradients/central-differences.js';
import { LABELS } from './losses.js';
import { Random } from './random.js';
import { buildGradientModel, buildTrainingModel } from './training-model.js';

const random = new Random(8, 'network');
const draw = (...dims: number[]): Tensor => {
  const count = dims.reduce((a, b) => a * b, 1);
  return float32(
    dims,
    Float32Array.from({ length: count }, () => random.uniform(-0.8, 0.8)),
  );
};

describe('whole networks', () => {
  it('a smooth residual network with batch statistics, by every parameter and the input', async () => {
    const b = new GraphBuilder();
    const feeds: Record<string, Tensor> = {};
    const input = (name: string, value: Tensor): string => {
      feeds[name] = value;
      return b.input(name, 'float32', value.dims);
    };
    const pads = { pads: ints([1, 1, 1, 1]) };
    const x = input('x', draw(4, 2, 4, 4));
    const stem = b.node('Conv', [x, input('w1', draw(3, 2, 3, 3))], pads);
    const statistics = [
      input('scale', draw(3)),
      input('shift', draw(3)),
      input('mean', draw(3)),
      input('variance', draw(3)),
    ];
    const smooth = b.node('Tanh', [b.node('BatchNormalization', [stem, ...statistics])]);
    const depth = b.node('Conv', [smooth, input('w2', draw(3, 1, 3, 3))], { ...pads, group: int(3) });
    // `smooth` is read twice: its gradients must add up.
    const joined = b.node('Add', [smooth, b.node('Sigmoid', [depth])]);
    const flat = b.node('Flatten', [b.node('GlobalAveragePool', [joined])]);
    const logits = b.node('Gemm', [flat, input('w3', draw(5, 3)), input('bias', draw(5))], { transB: int(1) });
    b.output(b.node('LogSoftmax', [logits]), 'float32', null);
    const wrt = ['x', 'w1', 'scale', 'shift', 'w2', 'w3', 'bias'];
    const errors = await gradientErrors(b.build(), createSession, { feeds, wrt, step: 0.1 });
    for (const [name, error] of errors) expect(error, name).toBeLessThan(5e-4);
  });

  it('refuses to train through an operator that is flat everywhere, and names it', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['N', 3]);
    const product = b.node('MatMul', [x, b.initializer('w', float32([3, 2], new Float32Array(6).fill(0.5)))]);
    b.output(b.node('Hardmax', [product], {}, 1, { name: 'pick' }), 'float32', ['N', 2]);
    const optimizer = { name: 'sgd', learningRate: 0.1 } as const;
    const build = () => buildTrainingModel(b.build(), { loss: { kind: 'cross-entropy' }, optimizer, batch: 2 });
    expect(build).toThrow(expect.objectContaining({ code: 'no-gradient', problems: ["node 'pick' (Hardmax)"] }));
  });

  it('gives a value that nothing flows back to a gradient of zeros', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['N', 3]);
    const used = b.initializer('used', float32([3, 2], new Float32Array(6).fill(0.5)));
    b.node('MatMul', [x, b.initializer('unused', float32([3, 2], new Float32Array(6)))]);
    b.output(b.node('MatMul', [x, used]), 'float32', ['N', 2]);
    const built = buildGradientModel(b.build(), { loss: { kind: 'cross-entropy' }, batch: 2 });
    const session = await createSession(encodeModel(built.model));
    const out = await session.run({
      x: float32([2, 3], [1, 2, 3, 4, 5, 6]),
      [LABELS]: { dtype: 'int32', dims: [2], data: Int32Array.of(0, 1) },
    });
    expect([...(out[built.gradients.get('unused')!]!.data as Float32Array)]).toEqual([0, 0, 0, 0, 0, 0]);
    // Equal logits: probability 1/2 each, so the rows pull in opposite directions: (x1 - x2)(p - y) / 2.
    const want = [-1, -1, -1, 1, 1, 1].map((_, i) => (i % 2 ? -1 : 1) * 0.75);
    expect([...(out[built.gradients.get('used')!]!.data as Float32Array)]).toEqual(want);
    await session.release();
  });
});

describe('checkDifferentiable', () => {
  const node = (op: string, input: string, output: string, domain = '') => ({
    op,
    domain,
    name: `${op} of ${input}`,
    inputs: [input],
    outputs: [output],
    attributes: new Map(),
  });

  it('names only nodes between a source and a target', () => {
    const nodes = [node('Det', 'x', 'a'), node('Relu', 'a', 'b'), node('STFT', 'b', 'side'), node('Det', 'b', 'y')];
    expect(() => checkDifferentiable(nodes, ['a'], ['y'])).toThrow(
      expect.objectContaining({ code: 'no-gradient', problems: ["node 'Det of b' (Det)"] }),
    );
    expect(() => checkDifferentiable(nodes, ['a'], ['b'])).not.toThrow();
  });

  it('says what is wrong with a node whose operator has a row', () => {
    const einsum = { ...node('Einsum', 'x', 'a'), attributes: new Map([['equation', str('ii->i')]]) };
    const scatter = { ...node('ScatterND', 'a', 'b'), attributes: new Map([['reduction', str('max')]]) };
    const padded = { ...node('Pad', 'b', 'c'), attributes: new Map([['mode', str('mirror')]]) };
    const resized = { ...node('Resize', 'c', 'd'), attributes: new Map([['mode', str('lanczos')]]) };
    const nodes = [einsum, scatter, padded, resized, node('Mod', 'd', 'y')];
    expect(() => checkDifferentiable(nodes, ['x'], ['y'])).toThrow(
      expect.objectContaining({
        code: 'no-gradient',
        problems: [
          "node 'Einsum of x' (Einsum): index 'i' stands twice in operand 'ii' of equation 'ii->i'",
          "node 'ScatterND of a' (ScatterND): reduction 'max'",
          "node 'Pad of b' (Pad): mode 'mirror'",
          "node 'Resize of c' (Resize): mode 'lanczos'",
          "node 'Mod of d' (Mod): without fmod it is for integers",
        ],
      }),
    );
  });

  it('gives the domain of a foreign operator', () => {
    const nodes = [node('Relu', 'x', 'y', 'com.example')];
    expect(() => checkDifferentiable(nodes, ['x'], ['y'])).toThrow(/com\.example\.Relu/);
  });
});
