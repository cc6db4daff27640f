import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples } from '@verge/data';
import type { Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import { distill, type DistillOptions } from './distill.js';
import { ensembleModel } from './distill-ensemble.js';
import { fit } from './fit.js';
import { largest, predict } from './predict.js';
import type { TrainingSamples } from './samples.js';

const network = (hidden: number, seed: number) =>
  buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [hidden] } }, seed);

async function setting(): Promise<DistillOptions & { teacher: Model; validation: TrainingSamples }> {
  const folder = fileURLToPath(new URL('../../../datasets/digits', import.meta.url));
  const parts = splitSamples(await loadDigits(folder), 'digits-v1');
  const train = pick(
    parts.train,
    Array.from({ length: 400 }, (_, i) => i),
  );
  const common = { createSession, train, validation: parts.validation, seed: 3, batchSize: 50 };
  const optimizer = { name: 'adamw', learningRate: 0.01, weightDecay: 0 } as const;
  const teacher = await fit({ ...common, model: network(64, 1), epochs: 15, optimizer });
  const augmentation = { shift: 0.5, rotate: 5, scale: 0, flip: false };
  return { ...common, teacher: teacher.model, model: network(24, 2), epochs: 20, optimizer, augmentation };
}

describe('distill', () => {
  it('follows the teacher even where no label helps, and resumes to the same bytes', async () => {
    const options = await setting();
    // alpha 0 and labels that are all wrong: what is learnt comes from the teacher alone.
    const wrong = { ...options.train, y: options.train.y.map((c) => (c + 1) % 10) };
    const checkpoints: Uint8Array[] = [];
    const keep = (bytes: Uint8Array): void => void checkpoints.push(bytes);
    const student = await distill({ ...options, train: wrong, alpha: 0, copies: 3, saveCheckpoint: keep });
    const [mine, theirs] = [
      await predict(student.model, options.validation, createSession),
      await predict(options.teacher, options.validation, createSession),
    ];
    const n = options.validation.y.length;
    const agree = Array.from({ length: n }, (_, i) => i).filter(
      (i) => largest(mine.logits, i * 10, 10) === largest(theirs.logits, i * 10, 10),
    );
    expect(agree.length / n).toBeGreaterThan(0.85);
    const resumed = await distill({ ...options, train: wrong, alpha: 0, copies: 3, resumeFrom: checkpoints[6] });
    expect(Buffer.compare(resumed.bytes, student.bytes)).toBe(0);
  });

  it('names every bad setting', async () => {
    const bad = distill({ ...(await setting()), temperature: 0, alpha: 2, copies: 0.5 });
    await expect(bad).rejects.toMatchObject({ code: 'bad-options', problems: { length: 3 } });
  });

  it('learns inner values through projections that the result lacks', async () => {
    const options = await setting();
    const { hidden, output } = valuesOf(options.teacher);
    const mine = valuesOf(options.model);
    const student = await distill({
      ...options,
      hints: [
        { student: mine.hidden, teacher: hidden, weight: 1 },
        { student: mine.output, teacher: output, weight: 0.1 },
      ],
    });
    expect([...student.model.graph.initializers.keys()]).toEqual([...options.model.graph.initializers.keys()]);
    expect(student.validation.accuracy).toBeGreaterThan(0.85);
    expect(student.history.at(-1)!.trainLoss).toBeLessThan(student.history[0]!.trainLoss / 2);
  });

  it('a teacher in the step gives what its logits beforehand give', async () => {
    const { augmentation: _, ...options } = await setting();
    const before = await distill({ ...options, epochs: 2 });
    const inside = await distill({ ...options, epochs: 2, teacherInStep: true });
    before.history.forEach((p, i) => expect(inside.history[i]!.trainLoss).toBeCloseTo(p.trainLoss, 4));
  });

  it('combines several teachers', async () => {
    const options = await setting();
    const second = network(16, 5);
    const both = [options.teacher, second];
    const logits = await Promise.all(both.map((m) => predict(m, options.validation, createSession)));
    const softmax = (row: Float32Array): Float32Array => {
      const powers = row.map((v) => Math.exp(v));
      const total = powers.reduce((a, b) => a + b, 0);
      return powers.map((v) => v / total);
    };
    const mean = (rows: Float32Array[]): Float32Array => rows[0]!.map((v, i) => (v + rows[1]![i]!) / 2);
    for (const how of ['logits', 'probabilities'] as const) {
      const { logits: got } = await predict(ensembleModel(both, how), options.validation, createSession);
      for (const at of [0, 7, 50]) {
        const rows = logits.map((l) => l.logits.subarray(at * 10, at * 10 + 10));
        const want = how === 'logits' ? softmax(mean(rows)) : mean(rows.map(softmax));
        softmax(got.slice(at * 10, at * 10 + 10)).forEach((p, i) => expect(Math.abs(p - want[i]!)).toBeLessThan(1e-6));
      }
    }
    const hints = [
      { student: valuesOf(options.model).hidden, teacher: `teacher1.${valuesOf(second).hidden}`, weight: 1 },
    ];
    const student = await distill({ ...options, teacher: both, epochs: 1, hints });
    expect(student.steps).toBe(8);
  });

  it('names every value that is missing or does not fit', async () => {
    const options = await setting();
    const hints = [
      { student: 'nowhere', teacher: 'never', weight: 1 },
      { student: 'input', teacher: valuesOf(options.teacher).hidden, weight: 1 },
    ];
    await expect(distill({ ...options, hints })).rejects.toMatchObject({
      code: 'bad-options',
      problems: { length: 3 },
    });
    const attention = [{ student: 'input', teacher: 'input', weight: 0 }];
    await expect(distill({ ...options, attention, teacherInStep: false })).rejects.toMatchObject({
      problems: { length: 2 },
    });
  });
});

/** The values behind the first activation and before the end of a perceptron. */
function valuesOf(model: Model): { hidden: string; output: string } {
  const hidden = model.graph.nodes.find((n) => n.op === 'Relu')!.outputs[0]!;
  return { hidden, output: model.graph.outputs[0]!.name };
}

const maps = (width: number, seed: number) =>
  buildArchitecture(
    'dscnn',
    { input: [1, 8, 8], classes: 10, params: { stem: width, channels: [width], strides: [1] } },
    seed,
  );

describe('distilling from maps', () => {
  it('compares attention maps and projected maps of convolutions', async () => {
    const { train, validation } = await setting();
    const [teacher, model] = [maps(12, 1), maps(6, 2)];
    const relu = (m: Model): string => m.graph.nodes.find((n) => n.op === 'Relu')!.outputs[0]!;
    const pair = { student: relu(model), teacher: relu(teacher), weight: 100 };
    const run = { createSession, train, validation, model, teacher, batchSize: 50, epochs: 3, alpha: 1 };
    const optimizer = { name: 'adamw', learningRate: 0.01 } as const;
    const student = await distill({ ...run, optimizer, attention: [pair], hints: [pair] });
    const losses = student.history.map((p) => p.trainLoss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.7);
    expect([...student.model.graph.initializers.keys()]).toEqual([...model.graph.initializers.keys()]);
  });
});
