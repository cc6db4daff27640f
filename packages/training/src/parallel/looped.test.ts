/** Steps that run together are the same steps. */
import { describe, expect, it } from 'vitest';
import { float32, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { LABELS } from '../losses.js';
import type { OptimizerSpec } from '../optimizers.js';
import { Random } from '../random.js';
import { TrainingState, type StepInput } from '../state.js';
import { PARAMETERS } from '../step-parts.js';
import type { StepOptions, Stepper } from './stepper.js';
import { stepsTogether } from './together.js';
import { planWhole } from './whole.js';

const BATCH = 4;
const CLASSES = 3;
const STEPS = 7;
const loss = { kind: 'cross-entropy' } as const;
const adam: OptimizerSpec = { name: 'adamw', learningRate: 0.01 };

interface Case {
  readonly title: string;
  readonly model: Model;
  readonly options?: Partial<StepOptions>;
}

const network = (name: string, input: number[], params = {}): Model =>
  buildArchitecture(name, { input, classes: CLASSES, params }, 3);

const wide = network('mlp', [300], { hidden: [64], dropout: 0.3 });
const cases: Case[] = [
  { title: 'a perceptron in segments, with dropout', model: wide },
  { title: 'a masked one', model: wide, options: { masks: new Map([['hidden1.weight', evens(300 * 64)]]) } },
  { title: 'a gradient whose norm is bounded', model: wide, options: { maxGradientNorm: 0.1 } },
  { title: 'running statistics', model: network('cnn', [1, 8, 8], { channels: [16], dense: [8], batchNorm: true }) },
  { title: 'a recurrent network', model: network('recurrent', [6, 3], { hidden: 5 }) },
];

function evens(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i % 2);
}

function inputOf(model: Model, step: number): StepInput {
  const { name, type } = model.graph.inputs[0]!;
  const shape = [BATCH, ...(type as unknown as { shape: number[] }).shape.slice(1)];
  const random = new Random(2, 'batch', step);
  const x = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.uniform(-1, 1));
  const labels: Tensor = {
    dtype: 'int32',
    dims: [BATCH],
    data: Int32Array.from({ length: BATCH }, () => random.below(CLASSES)),
  };
  return { feeds: { [name]: float32(shape, x), [LABELS]: labels }, learningRate: 0.01 / step, step, dropoutSeed: step };
}

async function opened(
  model: Model,
  options: Partial<StepOptions>,
): Promise<{ state: TrainingState; stepper: Stepper }> {
  const plan = planWhole({ options: { model, optimizer: adam, createSession, ...options }, loss, batch: BATCH });
  const { parameters } = plan.ports;
  const mask = options.masks && new Float32Array(parameters.size).fill(1);
  for (const entry of parameters.entries) {
    const own = options.masks?.get(entry.name);
    if (own) mask!.set(own, entry.offset);
  }
  const state = new TrainingState(plan.ports, model, adam, mask);
  return { state, stepper: await plan.open(state) };
}

/** All steps in runs of the given lengths: the losses, and the vectors in the end. */
async function stepped(
  { model, options }: Case,
  together: number,
  runs: readonly number[],
): Promise<{ losses: number[]; outputs: number[][]; vectors: ReadonlyMap<string, Float32Array> }> {
  const { state, stepper } = await opened(model, { ...options, together });
  expect(stepper.together ?? 1).toBe(together);
  const [losses, outputs]: [number[], number[][]] = [[], []];
  for (const count of runs) {
    const inputs = Array.from({ length: count }, (_, i) => inputOf(model, losses.length + i + 1));
    const results = stepper.steps ? await stepper.steps(inputs) : [await stepper.step(inputs[0]!)];
    for (const { loss: value, output } of results) {
      losses.push(value);
      outputs.push([...output]);
    }
  }
  await stepper.release();
  return { losses, outputs, vectors: new Map([...state.vectors].map(([name, v]) => [name, v.slice()])) };
}

describe('steps in one run', () => {
  it.each(cases)('are the steps one by one, to the bit: $title', async (c) => {
    const alone = await stepped(c, 1, Array(STEPS).fill(1));
    expect(new Set(alone.losses).size).toBe(STEPS);
    for (const runs of [[STEPS], [3, 4], Array<number>(STEPS).fill(1)]) {
      expect(await stepped(c, STEPS, runs)).toEqual(alone);
    }
  });

  it('that diverge name the first step that did, and leave the state before all of them', async () => {
    const { state, stepper } = await opened(wide, { together: 4 });
    await stepper.steps!([inputOf(wide, 1)]);
    const before = state.vectors.get(PARAMETERS)!.slice();
    const bad = inputOf(wide, 3);
    (bad.feeds['input']!.data as Float32Array)[0] = NaN;
    const run = stepper.steps!([inputOf(wide, 2), bad, inputOf(wide, 4)]);
    await expect(run).rejects.toMatchObject({ code: 'diverged', message: expect.stringContaining('step 3') });
    expect(state.vectors.get(PARAMETERS)).toEqual(before);
    // And goes on from there.
    const [again] = await stepper.steps!([inputOf(wide, 2)]);
    expect(again!.loss).toBeGreaterThan(0);
    await stepper.release();
  });

  it('are for small networks', () => {
    expect(stepsTogether(network('mlp', [784], { hidden: [256] }), 64)).toBeGreaterThan(1);
    expect(stepsTogether(network('resnet8', [3, 32, 32]), 64)).toBe(1);
  });

  it('are not for a moving average, which needs the parameters of every step', async () => {
    const plan = planWhole({ options: { model: wide, optimizer: adam, createSession }, loss, batch: BATCH });
    const state = new TrainingState(plan.ports, wide, adam, undefined, { kind: 'ema' });
    const stepper = await plan.open(state);
    expect(stepper.together).toBeUndefined();
    await stepper.release();
  });
});
