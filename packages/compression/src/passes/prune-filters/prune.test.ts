import { describe, expect, it } from 'vitest';
import { assertLegal, attrInt, float32, GraphBuilder, int, ints, int64, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { figuresOf } from '../../measure/figures.js';
import { cloneModel } from '../../graph/index-of-values.js';
import { largestDifference, outputWith, randomTensor, shaken } from '../../test-models.js';
import type { Space } from '../../graph/channel-space.js';
import { channelSpaces } from '../../graph/dependencies.js';
import { pruneFilters } from './prune.js';
import { removeChannels } from './remove.js';
import { scoreFilters, sliceNorms } from './score.js';

const outputOf = outputWith(createSession);

const prunable = (model: Model): Space[] =>
  channelSpaces(model).filter((s) => s.frozen === null && s.producers.length > 0);

/** Every constant slice of the channels set to zero: through rectifiers and sums, the channels then carry nothing. */
function silenced(model: Model, spaces: readonly Space[], keep: readonly Int32Array[]): Model {
  const copy = cloneModel(model);
  spaces.forEach((space, s) => {
    for (const { initializer, axis, repeat } of space.slots) {
      const stored = copy.graph.initializers.get(initializer)!;
      if (!('data' in stored.value) || stored.value.dtype !== 'float32') throw new Error('not float32');
      const { dims } = stored.value;
      const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
      const data = stored.value.data.map((v, i) =>
        keep[s]!.includes(Math.floor(i / inner / repeat) % (dims[axis]! / repeat)) ? v : 0,
      );
      copy.graph.initializers.set(initializer, { ...stored, value: float32(dims, data) });
    }
  });
  return copy;
}

/** Keeps the odd channels of every space. */
async function checkRemoval(model: Model, input: number[]): Promise<{ before: Model; after: Model; spaces: Space[] }> {
  const spaces = prunable(model);
  const keep = spaces.map((s) => Int32Array.from({ length: Math.floor(s.size / 2) }, (_, i) => 2 * i + 1));
  const after = removeChannels(model, spaces, keep);
  assertLegal(after);
  const x = randomTensor(input);
  const expected = await outputOf(silenced(model, spaces, keep), x);
  // The same sums without the zero terms, perhaps in another order.
  expect(largestDifference(expected, await outputOf(after, x))).toBeLessThan(1e-4);
  return { before: model, after, spaces };
}

describe('removing channels', () => {
  it('follows residual additions: all layers of a stage lose the same channels', async () => {
    const model = shaken(buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels: [8, 16] } }));
    const { after, spaces } = await checkRemoval(model, [3, 1, 8, 8]);
    expect(spaces.some((s) => s.producers.length > 1)).toBe(true);
    expect(figuresOf(after).parameters).toBeLessThan(figuresOf(model).parameters * 0.4);
  });

  it('follows depthwise convolutions and their group count', async () => {
    const model = shaken(
      buildArchitecture('dscnn', { input: [1, 8, 8], classes: 10, params: { stem: 8, channels: [8, 12] } }),
    );
    const { after } = await checkRemoval(model, [2, 1, 8, 8]);
    const depthwise = after.graph.nodes.filter((n) => n.op === 'Conv' && attrInt(n, 'group', 1) !== 1);
    expect(depthwise.map((n) => attrInt(n, 'group'))).toEqual([4, 4]);
  });

  it('follows Flatten into the dense layer, position by position', async () => {
    const model = shaken(buildArchitecture('lenet', { input: [1, 12, 12], classes: 10, params: { kernel: 3 } }));
    const { spaces } = await checkRemoval(model, [2, 1, 12, 12]);
    expect(spaces.flatMap((s) => s.slots.map((slot) => slot.repeat))).toContain(9);
  });

  it('follows a Reshape that spells the number of features out, and a constant for each channel', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 1, 4, 4]);
    const conv = b.node('Conv', ['x', b.initializer('w', randomTensor([4, 1, 3, 3], 2))], {
      kernel_shape: ints([3, 3]),
    });
    const scaled = b.node('Mul', [conv, b.initializer('gain', randomTensor([4, 1, 1], 3))]);
    const flat = b.node('Reshape', [scaled, b.initializer('shape', int64([2], [2, 16]))]);
    b.output(
      b.node('Gemm', [flat, b.initializer('v', randomTensor([3, 16], 4))], { transB: int(1) }),
      'float32',
      [2, 3],
    );
    const { after } = await checkRemoval(b.build(), [2, 1, 4, 4]);
    expect(after.graph.initializers.get('shape')!.value).toMatchObject({ data: BigInt64Array.of(2n, 8n) });
  });

  it.each([
    ['an operator that it does not know', 'Transpose'],
    ['a Concat', 'Concat'],
  ])('leaves channels alone that go into %s', (_, op) => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 1, 4, 4]);
    const conv = b.node('Conv', ['x', b.initializer('w', randomTensor([4, 1, 3, 3], 2))]);
    b.output(b.node(op, [conv], op === 'Concat' ? { axis: int(1) } : {}), 'float32', null);
    const [space] = channelSpaces(b.build()).filter((s) => s.producers.length > 0);
    expect(space!.frozen).toContain(op);
  });

  it('leaves a weight alone that two layers share', () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 4, 4, 4]);
    const w = b.initializer('w', randomTensor([4, 4, 1, 1], 2));
    const y = b.node('Conv', [b.node('Relu', [b.node('Conv', ['x', w])]), w]);
    b.output(b.node('GlobalAveragePool', [y]), 'float32', null);
    expect(prunable(b.build())).toEqual([]);
  });
});

describe('scores', () => {
  it('are norms of the slices of the gradient', () => {
    const g = Float32Array.of(3, 4, 0, -5, 12, 0);
    expect([...sliceNorms(g, [2, 3], 0, 2)]).toEqual([5, 13]);
    expect([...sliceNorms(g, [2, 3], 1, 1)]).toEqual([8, 16, 0]);
  });

  it('equal the closed form of a dense layer before softmax cross-entropy', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', ['N', 2]);
    const hidden = b.node('Gemm', ['x', b.initializer('w', randomTensor([3, 2], 2))], { transB: int(1) });
    b.output(b.node('Gemm', [hidden, b.initializer('v', randomTensor([2, 3], 3))], { transB: int(1) }), 'float32', [
      'N',
      2,
    ]);
    const model = b.build();
    const x = [0.5, -1, 2, 0.25];
    const samples = { x: Float32Array.from(x), shape: [2], y: Int32Array.of(1, 0), labels: ['a', 'b'], name: 'two' };
    const [space] = prunable(model);
    const [scores] = await scoreFilters(model, [space!], samples, { norm: 2, batches: 1, batchSize: 2, createSession });
    const [w, v] = [randomTensor([3, 2], 2).data, randomTensor([2, 3], 3).data];
    const dw = new Float64Array(6);
    for (let n = 0; n < 2; n++) {
      const h = [0, 1, 2].map((i) => w[2 * i]! * x[2 * n]! + w[2 * i + 1]! * x[2 * n + 1]!);
      const z = [0, 1].map((k) => h.reduce((sum, value, i) => sum + v[3 * k + i]! * value, 0));
      const total = Math.exp(z[0]!) + Math.exp(z[1]!);
      // dL/dz = (softmax(z) - onehot) / batch, dL/dw = v^T dL/dz x^T.
      const dz = z.map((value, k) => (Math.exp(value) / total - (samples.y[n] === k ? 1 : 0)) / 2);
      for (let i = 0; i < 3; i++)
        for (let j = 0; j < 2; j++) dw[2 * i + j]! += (v[i]! * dz[0]! + v[3 + i]! * dz[1]!) * x[2 * n + j]!;
    }
    [0, 1, 2].forEach((i) => expect(scores![i]).toBeCloseTo(Math.hypot(dw[2 * i]!, dw[2 * i + 1]!), 5));
  });
});

describe('pruneFilters', () => {
  const samples = {
    x: randomTensor([32, 1, 8, 8]).data,
    shape: [1, 8, 8],
    y: new Int32Array(32).map((_, i) => i % 10),
    labels: '0123456789'.split(''),
    name: 'noise',
  };
  const fineTune = {
    epochs: 0,
    batchSize: 16,
    optimizer: { name: 'sgd' as const, learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 },
    seed: 1,
  };
  const options = { ratio: 0.5, scope: 'layer' as const, norm: 2 as const, multiple: 8, scoreBatches: 2, fineTune };

  it('keeps multiples of 8 and reports what it declined', async () => {
    const model = buildArchitecture('dscnn', {
      input: [1, 8, 8],
      classes: 10,
      params: { stem: 8, channels: [16, 24] },
    });
    const result = await pruneFilters(model, options, { createSession, train: samples, validation: samples });
    // 16 -> 8; 24 * 0.5 = 12 -> 16; the stem's 8 are one block.
    expect(result.changes).toEqual({ filtersBefore: 40, filtersRemoved: 16, layers: 2 });
    expect(result.declined.map((d) => d.reason)).toEqual([
      'its 8 filters are no more than one block of 8',
      'it is an output of the model',
    ]);
  });

  it('says why nothing can be removed', async () => {
    const model = buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [8] } });
    const run = pruneFilters(model, options, { createSession, train: samples, validation: samples });
    await expect(run).rejects.toMatchObject({ code: 'unsuitable-model' });
  });

  it('stops when asked', async () => {
    const model = buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [32] } });
    const run = pruneFilters(model, options, {
      createSession,
      train: samples,
      validation: samples,
      signal: AbortSignal.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });
});
