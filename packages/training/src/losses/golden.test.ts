import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, float32, GraphBuilder, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { LABELS, lossReads, TARGET, type LossSpec } from '../losses.js';
import { buildGradientModel } from '../training-model.js';

interface Case {
  readonly name: string;
  readonly spec: LossSpec;
  readonly shape: readonly number[];
  readonly output: readonly number[];
  readonly value: number;
  readonly gradient: readonly number[];
  readonly labels?: readonly number[];
  readonly labelShape?: readonly number[];
  readonly target?: readonly number[];
}

const golden = JSON.parse(readFileSync(new URL('../../goldens/objectives.golden.json', import.meta.url), 'utf8')) as {
  losses: readonly Case[];
};

function passThrough(shape: readonly number[]): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['N', ...shape.slice(1)]);
  b.output(b.node('Identity', [x]), 'float32', ['N', ...shape.slice(1)]);
  return b.build();
}

async function evaluate(c: Case, spec = c.spec): Promise<{ value: number; gradient: Float32Array }> {
  const built = buildGradientModel(passThrough(c.shape), { loss: spec, batch: c.shape[0]!, wrt: ['x'] });
  const session = await createSession(encodeModel(built.model));
  try {
    const feeds: Record<string, Tensor> = { x: float32(c.shape, c.output) };
    if (c.labels) feeds[LABELS] = { dtype: 'int32', dims: c.labelShape!, data: Int32Array.from(c.labels) };
    if (c.target) feeds[TARGET] = float32(c.shape, c.target);
    const out = await session.run(feeds);
    const floats = (name: string): Float32Array => out[name]!.data as Float32Array;
    return { value: floats('step.loss')[0]!, gradient: floats('gradient.x') };
  } finally {
    await session.release();
  }
}

describe('losses against PyTorch in double precision', () => {
  for (const c of golden.losses) {
    it(c.name, async () => {
      const { value, gradient } = await evaluate(c);
      expect(Math.abs(value - c.value)).toBeLessThan(2e-6 * Math.max(1, Math.abs(c.value)));
      expect(gradient).toHaveLength(elementCount(c.shape));
      const scale = c.gradient.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      c.gradient.forEach((want, i) => expect(Math.abs(gradient[i]! - want)).toBeLessThan(2e-6 * Math.max(scale, 0.1)));
    });
  }

  it('says what it reads', () => {
    const reads = golden.losses.map((c) => [c.labels ? 'labels' : 'target']);
    expect(golden.losses.map((c) => lossReads(c.spec))).toEqual(reads);
  });
});

describe('edges', () => {
  const base = { name: '', value: 0, gradient: [] };
  const extreme = { ...base, shape: [2, 3], output: [300, -300, 0, -300, 300, 150] };

  it('batches in which nothing counts have loss 0 and move nothing', async () => {
    const ignored: Case = {
      ...extreme,
      spec: { kind: 'cross-entropy', ignoreIndex: -100 },
      labels: [-100, -100],
      labelShape: [2],
    };
    const alike: Case = { ...extreme, spec: { kind: 'triplet' }, labels: [1, 1], labelShape: [2] };
    for (const c of [ignored, alike]) {
      const { value, gradient } = await evaluate(c);
      expect([value, ...gradient].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    }
  });

  it('logits of hundreds stay finite', async () => {
    const hard: readonly Case[] = [
      { ...extreme, spec: { kind: 'focal', gamma: 0.5 }, labels: [0, 0], labelShape: [2] },
      { ...extreme, spec: { kind: 'binary-focal', gamma: 0.5 }, target: [1, 1, 0, 0, 1, 0] },
      { ...extreme, spec: { kind: 'binary-cross-entropy', positiveWeight: 3 }, target: [0, 1, 0, 0, 1, 0] },
      { ...extreme, shape: [1, 2, 3], spec: { kind: 'ctc', labels: 2 }, labels: [2, -1], labelShape: [1, 2] },
    ];
    for (const c of hard) {
      const { value, gradient } = await evaluate(c);
      expect([value, ...gradient].filter((v) => !Number.isFinite(v))).toEqual([]);
      expect(value).toBeGreaterThan(10);
    }
  });
});

describe('a weighted sum of losses', () => {
  it('adds values and gradients', async () => {
    const [focal, hinge] = ['focal', 'hinge'].map((name) => golden.losses.find((c) => c.name === name)!);
    const terms = [
      { weight: 0.3, loss: focal!.spec },
      { weight: 2, loss: hinge!.spec },
    ];
    const { value, gradient } = await evaluate(focal!, { kind: 'sum', terms });
    expect(Math.abs(value - (0.3 * focal!.value + 2 * hinge!.value))).toBeLessThan(4e-6);
    gradient.forEach((g, i) => {
      expect(Math.abs(g - (0.3 * focal!.gradient[i]! + 2 * hinge!.gradient[i]!))).toBeLessThan(2e-6);
    });
  });

  it('reads values inside the network that its terms name', async () => {
    const b = new GraphBuilder();
    const inner = b.node('Neg', [b.input('x', 'float32', ['N', 2])]);
    b.output(b.node('Exp', [inner]), 'float32', ['N', 2]);
    const terms = [
      { weight: 0, loss: { kind: 'mse' } },
      { weight: 3, loss: { kind: 'mse' }, of: inner },
    ] as const;
    const built = buildGradientModel(b.build(), { loss: { kind: 'sum', terms }, batch: 1, wrt: ['x'] });
    const session = await createSession(encodeModel(built.model));
    const out = await session.run({ x: float32([1, 2], [1, -2]), [TARGET]: float32([1, 2], [1, 1]) });
    await session.release();
    // 3 * mean((-x - 1)^2) and its slope -3 * (-x - 1).
    expect((out['step.loss']!.data as Float32Array)[0]).toBeCloseTo((3 * (4 + 1)) / 2, 5);
    expect([...(out['gradient.x']!.data as Float32Array)]).toEqual([6, -3]);
  });

  it('names every bad setting and every unknown value at once', () => {
    const loss: LossSpec = {
      kind: 'sum',
      terms: [
        { weight: NaN, loss: { kind: 'huber', delta: 0 } },
        { weight: 1, loss: { kind: 'hint', student: 'x', teacher: 'nowhere' } },
      ],
    };
    expect(() => buildGradientModel(passThrough([2, 3]), { loss, batch: 2, wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 3 }) as unknown }),
    );
  });

  it('refuses class weights of another number of classes', () => {
    const loss: LossSpec = { kind: 'cross-entropy', classWeights: [1, 2] };
    expect(() => buildGradientModel(passThrough([2, 3]), { loss, batch: 2, wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'bad-options' }),
    );
  });
});
