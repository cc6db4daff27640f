/** One step of SGD on adapters, against PyTorch's in double precision (goldens/lora.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, float32, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import type { FitOptions } from '../fit-options.js';
import { LABELS } from '../losses.js';
import { planSteps } from '../parallel/plan.js';
import { TrainingState } from '../state.js';
import { ownName, withTrained } from '../transfer/form.js';
import { inTrainingForm } from '../transfer/options.js';
import { adapterValues } from './adapt.js';

const goldens = new URL('../../goldens/', import.meta.url);

interface Factor {
  readonly shape: number[];
  readonly before: number[];
  readonly after: number[];
}
interface Case {
  readonly shape: number[];
  readonly x: number[];
  readonly classes: number[];
  readonly loss: number;
  readonly given: number[];
  readonly before: number[];
  readonly after: number[];
  readonly adapters: Readonly<Record<string, { readonly a: Factor; readonly b: Factor; readonly merged: number[] }>>;
}
const golden = JSON.parse(readFileSync(new URL('lora.golden.json', goldens), 'utf8')) as {
  readonly rows: number;
  readonly learningRate: number;
  readonly rank: number;
  readonly alpha: number;
  readonly cases: Readonly<Record<string, Case>>;
};

/** The newer exporter stores the transposed weights of dense layers over positions, under numbers. */
const stored: Readonly<Record<string, string>> = { val_1: 'q.weight', val_18: 'v.weight', val_42: 'down.weight' };

const largest = (values: readonly number[]): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** The largest difference, relative to how far the step moved the values. */
const apart = (ours: ArrayLike<number>, before: readonly number[], after: readonly number[]): number =>
  largest(after.map((v, i) => v - ours[i]!)) / largest(after.map((v, i) => v - before[i]!));

async function outputOf(model: Model, { x, shape }: Case): Promise<Float32Array> {
  const session = await createSession(encodeModel(model));
  try {
    return (await session.run({ x: float32([golden.rows, ...shape], x) }))['y']!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** The model with other values for some of its initializers. */
function withValues(model: Model, values: ReadonlyMap<string, readonly number[]>): Model {
  const initializers = new Map(model.graph.initializers);
  for (const [name, data] of values)
    initializers.set(name, { name, value: float32(initializers.get(name)!.value.dims, data) });
  return { ...model, graph: { ...model.graph, initializers } };
}

/** Of a step in single precision. */
const CLOSE = 1e-4;

describe.each(Object.entries(golden.cases))('adapters of %s', (name, c) => {
  // Dropout does nothing in this mode, but has all adapters computed beside their layers.
  it.each([
    ['ts17', 0],
    ['dyn18', 0],
    ['ts17', 0.5],
  ])('step as those of PyTorch, %s, dropout %d', async (exporter, dropout) => {
    const model = decodeModel(readFileSync(new URL(`lora/${name}.${exporter}.onnx`, goldens)));
    const torchName = (weight: string): string => stored[weight] ?? weight;
    const match = [...model.graph.initializers.keys()].filter((n) => torchName(n) in c.adapters);
    expect(match).toHaveLength(Object.keys(c.adapters).length);
    const samples = { x: Float32Array.from(c.x), shape: c.shape, y: Int32Array.from(c.classes) };
    const given: FitOptions = {
      ...{ model, createSession, train: samples, validation: samples, epochs: 1, batchSize: golden.rows },
      ...{ mode: 'eval', optimizer: { name: 'sgd', learningRate: golden.learningRate } },
      lora: { match, rank: golden.rank, alpha: golden.alpha, dropout },
    };
    const { options, form } = inTrainingForm(given);
    const start = form.lora!.adapters.flatMap(({ site, a, b }) => {
      const own = c.adapters[torchName(site.weight)]!;
      return [[a, own.a.before] as const, [b, own.b.before] as const];
    });
    const plan = planSteps({ options, loss: { kind: 'cross-entropy' }, batch: golden.rows });
    const state = new TrainingState(plan.ports, withValues(options.model, new Map(start)), options.optimizer);
    const stepper = await plan.open(state);
    const feeds = {
      x: float32(plan.ports.input.shape, samples.x),
      [LABELS]: { dtype: 'int32', dims: [golden.rows], data: samples.y } as const,
    };
    const { loss, output } = await stepper.step({ feeds, learningRate: golden.learningRate, step: 1, dropoutSeed: 0 });
    await stepper.release();
    expect(loss).toBeCloseTo(c.loss, 5);
    expect(largest(c.before.map((v, i) => v - output[i]!))).toBeLessThan(1e-5 * largest(c.before));

    const values = state.values(state.snapshot());
    expect([...values.keys()].sort()).toEqual(start.map(([n]) => n).sort());
    for (const [weight, { a, b, scale }] of adapterValues(form.lora!, values, (n) => ownName(n, form))) {
      const own = c.adapters[torchName(weight)]!;
      expect([a.shape, b.shape, scale]).toEqual([own.a.shape, own.b.shape, golden.alpha / golden.rank]);
      expect(apart(a.values, own.a.before, own.a.after), `A of ${weight}`).toBeLessThan(CLOSE);
      expect(apart(b.values, own.b.before, own.b.after), `B of ${weight}`).toBeLessThan(CLOSE);
    }
    const trained = withTrained(form, values);
    expect(apart(await outputOf(trained, c), c.before, c.after)).toBeLessThan(CLOSE);
    // The file has its form: names and shapes are those that it had.
    const shapes = ({ graph }: Model): unknown => [...graph.initializers].map(([n, s]) => [n, s.value.dims]);
    expect(shapes(trained)).toEqual(shapes(model));
    expect(trained.graph.nodes).toEqual(model.graph.nodes);
    for (const [weight, own] of Object.entries(c.adapters)) {
      const value = trained.graph.initializers.get(weight)?.value;
      if (!value || !('data' in value)) continue;
      const merged = value.data as Float32Array;
      expect(largest(own.merged.map((v, i) => v - merged[i]!))).toBeLessThan(1e-5 * largest(own.merged));
    }
  });
});
