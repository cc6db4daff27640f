/** Every task with outputs that are known: networks that hand on what they read. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { float32, GraphBuilder, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import type { Assessment, QualityOptions } from './measure-quality.js';
import { assessAll } from './test-assess.js';

const path = new URL('../../goldens/quality.golden.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as {
  segmentation: { labels: number[]; said: number[]; mIoU: number; accuracy: number };
};

/** y = x + shift, of any shape. */
function handsOn(shape: readonly number[], shift = 0, name = 'y'): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', ...shape]);
  b.node('Add', [x, b.initializer('shift', float32([1], [shift]))], {}, 1, { outputNames: [name] });
  b.output(name, 'float32', ['n', ...shape]);
  return b.build();
}

const samplesOf = (x: readonly number[], shape: readonly number[], more: Partial<Samples> = {}): Samples => {
  const count = x.length / shape.reduce((a, b) => a * b, 1);
  return {
    ...{ x: Float32Array.from(x), shape, y: new Int32Array(count).fill(-1), labels: [], name: 'made' },
    ...more,
  };
};

const assess = async (model: Model, samples: Samples, options: QualityOptions = {}): Promise<Assessment> =>
  (await assessAll(createSession, [model], samples, options))[0]!;

const valueOf = ({ quality }: Assessment, metric: string): number | undefined =>
  quality.find((q) => q.metric === metric)?.value;

describe('the figures of a task', () => {
  it('of numbers are errors against targets, and the spread of the targets is what a constant answer gets', async () => {
    const targets = Float32Array.of(1, 2, 3, 6);
    const found = await assess(handsOn([1]), samplesOf([1, 3, 3, 5], [1], { targets }));
    expect(found.quality.map(({ task, metric }) => `${task} ${metric}`)).toEqual([
      'regression rmse',
      'regression mae',
      'regression r2',
    ]);
    expect(valueOf(found, 'rmse')).toBeCloseTo(Math.sqrt(2 / 4), 12);
    expect(valueOf(found, 'mae')).toBeCloseTo(0.5, 12);
    // Squares about the mean of 3: 4 + 1 + 0 + 9.
    expect(valueOf(found, 'r2')).toBeCloseTo(1 - 2 / 14, 12);
    expect(found.quality[0]!.baseline).toBeCloseTo(Math.sqrt(14 / 4), 12);
  });

  it('of pixels are those of scikit-learn, pixels of no class left out', async () => {
    const { labels, said, mIoU, accuracy } = golden.segmentation;
    const [images, pixels] = [12, labels.length / 12];
    // Scores [classes, pixels] of each image, the largest being what was said.
    const x = Array.from({ length: images }, (_, image) =>
      [0, 1, 2].flatMap((c) => said.slice(image * pixels, (image + 1) * pixels).map((s) => (s === c ? 1 : 0))),
    ).flat();
    const targets = Int32Array.from(labels);
    const found = await assess(handsOn([3, pixels]), samplesOf(x, [3, pixels], { targets }));
    expect(found.quality[0]!.task).toBe('segmentation');
    expect(valueOf(found, 'mIoU')).toBeCloseTo(mIoU, 12);
    expect(valueOf(found, 'accuracy')).toBeCloseTo(accuracy, 12);
    const right = labels.map((label, i) => (label === said[i] ? label : -1));
    const masked = await assess(handsOn([3, pixels]), samplesOf(x, [3, pixels], { targets: Int32Array.from(right) }));
    expect(valueOf(masked, 'accuracy')).toBe(1);
  });

  it('of several labels at once are F1 and the area under the curve', async () => {
    const targets = Float32Array.of(1, 0, 0, 1, 1, 1, 0, 0);
    const found = await assess(handsOn([2]), samplesOf([2, -1, 1, 3, 4, 1, -1, -2], [2], { targets }));
    // First label: hits 2, false 1; second: hits 2.
    expect(valueOf(found, 'macroF1')).toBeCloseTo((4 / 5 + 1) / 2, 12);
    expect(valueOf(found, 'auc')).toBe(1);
    expect(valueOf(found, 'accuracy')).toBe(3 / 4);
    expect(found.quality[0]!.task).toBe('multi-label');
    expect(found.notes).toContain("output 'y': a label is taken to be there above a logit of 0");
  });

  it('of sequences are the edits of the best path, where the task is said', async () => {
    // [time 3, classes 3]: blank, 1, 1, and 1, blank, 2.
    const x = [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1];
    const targets = Int32Array.of(1, -1, 1, 1);
    const samples = samplesOf(x, [3, 3], { targets });
    const found = await assess(handsOn([3, 3]), samples, { task: 'sequence' });
    expect(valueOf(found, 'labelErrorRate')).toBeCloseTo(1 / 3, 12);
  });

  it('of a network that gives back what it reads are its errors, and how well they tell what is anomalous', async () => {
    const x = [0, 0, 0, 0, 0, 0, 0, 0];
    const bare = await assess(handsOn([2], 0.5), samplesOf(x, [2]));
    expect(bare.quality.map(({ task }) => task)).toEqual(['reconstruction', 'reconstruction', 'reconstruction']);
    expect(valueOf(bare, 'rmse')).toBeCloseTo(0.5, 12);
    // It clips at 1: what is larger comes back wrong.
    const b = new GraphBuilder();
    b.node('Min', [b.input('x', 'float32', ['n', 3]), b.initializer('one', float32([1], [1]))], {}, 1, {
      outputNames: ['y'],
    });
    b.output('y', 'float32', ['n', 3]);
    const y = Int32Array.of(0, 1, 0, 1);
    const labels = ['normal', 'broken'];
    const mixed = samplesOf([0, 0, 1, 2, 3, 0, 1, 1, 0, 0, 0, 4], [3], { y, labels });
    const told = await assess(b.build(), mixed);
    expect(told.quality.find(({ task }) => task === 'anomaly')).toMatchObject({
      metric: 'auc',
      value: 1,
      baseline: 0.5,
    });
    expect(told.notes).toContain("samples of 'broken' are the anomalous ones");
  });

  it('are none where nothing says what is right, or it was said that there are none', async () => {
    const b = new GraphBuilder();
    b.node('ReduceSum', [b.input('x', 'float32', ['n', 2])], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [1, 1]);
    const found = await assess(b.build(), samplesOf([1, 2, 3, 4], [2]), { batchSize: 1 });
    expect([found.quality, found.failures]).toEqual([[], []]);
    expect((await assess(handsOn([2]), samplesOf([1, 2], [2]), { task: 'none' })).quality).toEqual([]);
  });

  it('are none, and that is said, where the output holds NaN or does not fit the targets', async () => {
    const broken = await assess(handsOn([1], NaN), samplesOf([1, 2], [1], { targets: Float32Array.of(1, 2.5) }));
    expect([broken.quality, broken.failures.map(({ message }) => message)]).toEqual([
      [],
      ["output 'y' is NaN for sample 0"],
    ]);
    expect(broken.notes).toEqual(["not measured: output 'y' is NaN for sample 0"]);
    const unfit = await assess(handsOn([1]), samplesOf([1, 2], [1], { targets: Float32Array.of(1, 2, 3, 0.5) }));
    expect(unfit.failures[0]!.message).toMatch(/no output fits the targets, 2 for each sample/);
  });
});

describe('several models', () => {
  const classes = samplesOf([9, 1, 2, 1, 9, 2], [3], { y: Int32Array.of(0, 1), labels: ['a', 'b', 'c'] });

  it('are judged alike, and compared with the first', async () => {
    const [source, near, far] = await assessAll(
      createSession,
      [handsOn([3]), handsOn([3], 0.1), handsOn([3], NaN)],
      classes,
    );
    expect([source!.accuracy!.accuracy, near!.accuracy!.accuracy]).toEqual([1, 1]);
    expect(source!.fidelity).toEqual([]);
    expect(near!.fidelity[0]).toMatchObject({ output: 'y', reads: 'classes', agreement: 1, problem: null });
    expect(near!.fidelity[0]!.maxAbsDifference).toBeCloseTo(0.1, 6);
    expect(far!.quality).toEqual([]);
    expect(far!.fidelity[0]!.problem).toMatch(/holds NaN/);
  });

  it('one that has lost an output, or does not run on the samples, is told so and does not stop the others', async () => {
    const models = [handsOn([3]), handsOn([3], 0, 'z'), handsOn([5])];
    const [source, renamed, narrow] = await assessAll(createSession, models, classes);
    expect(source!.accuracy!.accuracy).toBe(1);
    expect(renamed!.fidelity[0]!.problem).toBe('it is no output any more');
    expect(narrow!.fidelity[0]!.problem).toMatch(/^the model does not run: /);
    expect(narrow!.failures[0]!.code).toBe('bad-model');
  });
});
