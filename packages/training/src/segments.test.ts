import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import { LABELS } from './losses.js';
import type { OptimizerSpec } from './optimizers.js';
import { planWhole, WholeStepper } from './parallel/whole.js';
import { Random } from './random.js';
import { segmentsOf, segmentStep } from './segments.js';
import { TrainingState } from './state.js';
import { buildTrainingModel } from './training-model.js';

const BATCH = 8;
/** 784-64-32-5: two weights large enough to travel alone, small tensors between and behind them. */
const network = (): Model => buildArchitecture('mlp', { input: [784], classes: 5, params: { hidden: [64, 32] } }, 3);
const loss = { kind: 'cross-entropy' } as const;

function batchFeeds(): Record<string, Tensor> {
  const random = new Random(2, 'batch');
  const x = Float32Array.from({ length: BATCH * 784 }, () => random.uniform(-1, 1));
  const labels = Int32Array.from({ length: BATCH }, () => random.below(5));
  return { input: float32([BATCH, 784], x), [LABELS]: { dtype: 'int32', dims: [BATCH], data: labels } };
}

const stepInput = (step: number) => ({ feeds: batchFeeds(), learningRate: 0.05, step, dropoutSeed: 1 });

/** Largest difference of any vector after three steps: one graph over flat vectors, and the same in segments. */
async function difference(optimizer: OptimizerSpec, masked = false): Promise<number> {
  const model = network();
  const training = buildTrainingModel(model, { loss, optimizer, batch: BATCH, masked });
  const mask = masked ? Float32Array.from({ length: training.parameters.size }, (_, i) => i % 3 && 1) : undefined;
  const flat = new TrainingState(training, model, optimizer, mask);
  const whole = new WholeStepper(flat, await createSession(encodeModel(training.model)), []);
  const masks =
    mask && new Map(training.parameters.entries.map((e) => [e.name, mask.subarray(e.offset, e.offset + e.size)]));
  const plan = planWhole({ options: { model, optimizer, createSession, masks }, loss, batch: BATCH });
  const cut = new TrainingState(plan.ports, model, optimizer, mask);
  const stepper = await plan.open(cut);
  for (let step = 1; step <= 3; step++) {
    const [a, b] = [await whole.step(stepInput(step)), await stepper.step(stepInput(step))];
    expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-6);
  }
  await Promise.all([whole.release(), stepper.release()]);
  const worst = [...flat.vectors].map(([name, want]) => {
    const got = cut.vectors.get(name)!;
    return want.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i]!)), 0);
  });
  return Math.max(...worst);
}

describe('a step in segments', () => {
  it('lets large parameters travel alone and small ones together', () => {
    const { parameters } = buildTrainingModel(network(), {
      loss,
      optimizer: { name: 'sgd', learningRate: 1 },
      batch: 2,
    });
    const segments = segmentsOf(parameters);
    expect(segments.map((s) => [s.from, s.to])).toEqual(
      segments.map((s, i) => [i === 0 ? 0 : segments[i - 1]!.to, s.to]),
    );
    expect(segments.at(-1)!.to).toBe(parameters.size);
    expect(segments.filter((s) => s.entries.length === 1).map((s) => s.entries[0]!.size)).toContain(64 * 784);
    expect(segments.length).toBeLessThan(parameters.entries.length);
  });

  const optimizers: readonly OptimizerSpec[] = [
    { name: 'sgd', learningRate: 0.05, momentum: 0.9 },
    { name: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-2 },
    { name: 'sgd', learningRate: 0.05, momentum: 0 },
    { name: 'adamw', learningRate: 0.05, weightDecay: 1e-2 },
    { name: 'rmsprop', learningRate: 0.05, centered: true, momentum: 0.9 },
  ];
  for (const optimizer of optimizers) {
    it(`gives the numbers of flat vectors: ${JSON.stringify(optimizer)}`, async () => {
      expect(await difference(optimizer)).toBeLessThan(2e-6);
    });
  }

  it('takes masks along', async () => {
    expect(await difference(optimizers[0]!, true)).toBeLessThan(2e-6);
  });

  it('adds the velocity in the product that makes the gradient', () => {
    const step = buildTrainingModel(network(), { loss, optimizer: optimizers[0]!, batch: BATCH });
    const { nodes } = segmentStep(step)!.model.graph;
    const velocities = nodes.filter((n) => n.op === 'Gemm' && n.inputs[2]?.startsWith('step.velocity'));
    expect(velocities).toHaveLength(1);
  });

  it('leaves a graph alone that reads its vectors as a whole, or has nothing to cut', () => {
    const build = (more: object, optimizer: OptimizerSpec = optimizers[0]!) =>
      segmentStep(buildTrainingModel(network(), { loss, optimizer, batch: BATCH, ...more }));
    expect(build({ maxGradientNorm: 1 })).toBeUndefined();
    expect(build({}, { name: 'lamb', learningRate: 0.01 })).toBeUndefined();
    const b = new GraphBuilder();
    const w = b.initializer('w', float32([3, 4], new Float32Array(12).fill(0.1)));
    b.output(b.node('Gemm', [b.input('x', 'float32', ['N', 4]), w], { transB: int(1) }), 'float32', ['N', 3]);
    expect(segmentStep(buildTrainingModel(b.build(), { loss, optimizer: optimizers[0]!, batch: 2 }))).toBeUndefined();
  });

  it('never writes into vectors that others put there', async () => {
    const model = network();
    const optimizer = optimizers[0]!;
    const plan = planWhole({ options: { model, optimizer, createSession }, loss, batch: BATCH });
    const state = new TrainingState(plan.ports, model, optimizer);
    const before = state.vectors.get('step.parameters')!.slice();
    const given = before.slice();
    state.vectors.set('step.parameters', given);
    const stepper = await plan.open(state);
    for (let step = 1; step <= 4; step++) await stepper.step(stepInput(step));
    await stepper.release();
    expect(given).toEqual(before);
    expect(state.vectors.get('step.parameters')).not.toEqual(before);
  });
});
