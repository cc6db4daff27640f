import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taskOf } from '../loop/task.js';
import type { LossSpec } from '../losses.js';
import { confusionMatrix, topK } from './classification.js';
import { rocAuc } from './ranking.js';
import { bestPath, editDistance, labelErrorRate } from './sequence.js';
import { classRows, measureOutputs, metricNames, metricTable, usualMetrics, type MetricName } from './table.js';

type Figures = Partial<Record<MetricName, number>>;
interface Golden {
  classes: ({ name: string; classes: number; logits: number[]; labels: number[]; confusion: number[][] } & Figures)[];
  labels: ({ name: string; width: number; logits: number[]; targets: number[] } & Figures)[];
  values: ({ name: string; width: number; outputs: number[]; targets: number[] } & Figures)[];
}

const path = new URL('../../goldens/metrics.golden.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

/** All figures of a case against scikit-learn's; what is computed from float32 values in double precision agrees to 1e-12. */
function agree(got: Record<string, number>, wanted: Figures, names: readonly MetricName[]): void {
  for (const name of names) {
    if (wanted[name] === undefined) continue;
    expect(Math.abs(got[name]! - wanted[name]), name).toBeLessThan(1e-12);
  }
}

describe('against scikit-learn', () => {
  it.each(golden.classes)('classes: $name', (c) => {
    const loss: LossSpec = { kind: 'cross-entropy' };
    const labels = Int32Array.from(c.labels);
    const evaluation = { samples: labels.length, outputs: Float32Array.from(c.logits), shape: [c.classes], labels };
    const names = ['accuracy', 'macroF1', 'microF1', 'auc', 'top3'] as const;
    agree(measureOutputs(evaluation, loss, names), c, names);
    expect(classRows(evaluation, loss)!.confusion).toEqual(c.confusion);
  });

  it.each(golden.labels)('independent labels: $name', (c) => {
    const targets = Float32Array.from(c.targets);
    const samples = targets.length / c.width;
    const evaluation = { samples, outputs: Float32Array.from(c.logits), shape: [c.width], targets };
    const names = ['accuracy', 'macroF1', 'microF1', 'auc'] as const;
    agree(measureOutputs(evaluation, { kind: 'binary-cross-entropy' }, names), c, names);
  });

  it.each(golden.values)('values: $name', (c) => {
    const targets = Float32Array.from(c.targets);
    const samples = targets.length / c.width;
    const evaluation = { samples, outputs: Float32Array.from(c.outputs), shape: [c.width], targets };
    const names = ['mae', 'rmse', 'r2'] as const;
    agree(measureOutputs(evaluation, { kind: 'mse' }, names), c, names);
  });
});

describe('metrics', () => {
  it('by positions are those of the positions as samples, wherever the classes lie', () => {
    const outputs = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => Math.sin(i * 7));
    const labels = Int32Array.of(0, 1, 2, 0, 2, -1, 1, 0);
    // [2, 3 classes, 4 positions] and the same with the classes last.
    const last = new Float32Array(outputs.length);
    for (let s = 0; s < 2; s++)
      for (let c = 0; c < 3; c++) for (let p = 0; p < 4; p++) last[s * 12 + p * 3 + c] = outputs[s * 12 + c * 4 + p]!;
    const common = { samples: 2, labels };
    const kind = { kind: 'cross-entropy', ignoreIndex: -1 } as const;
    const second = classRows({ ...common, outputs, shape: [3, 4] }, kind)!;
    const behind = classRows({ ...common, outputs: last, shape: [4, 3] }, { ...kind, classAxis: 'last' })!;
    expect(second).toEqual(behind);
    expect([...second.labels]).toEqual([0, 1, 2, 0, 2, 1, 0]);
    const flat = measureOutputs(
      { samples: 7, outputs: second.logits, shape: [3], labels: second.labels },
      { kind: 'cross-entropy' },
    );
    expect(measureOutputs({ ...common, outputs, shape: [3, 4] }, kind)).toEqual(flat);
  });

  it('leave out what does not exist', () => {
    const evaluation = { samples: 2, outputs: Float32Array.of(1, 0, 0, 1), shape: [2], labels: Int32Array.of(1, 1) };
    expect(measureOutputs(evaluation, { kind: 'cross-entropy' }, ['accuracy', 'auc', 'mae'])).toEqual({
      accuracy: 0.5,
    });
    expect(rocAuc([1, 2], () => true)).toBeUndefined();
  });

  it('are ranks: the area under the curve equals the share of pairs in order', () => {
    const scored = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(scored, (rows) => {
        const [yes, no] = [rows.filter(([, p]) => p), rows.filter(([, p]) => !p)];
        fc.pre(yes.length > 0 && no.length > 0);
        const pairs = yes.flatMap(([a]) => no.map(([b]): number => (a > b ? 1 : a === b ? 0.5 : 0)));
        const share = pairs.reduce((a, b) => a + b, 0) / pairs.length;
        const area = rocAuc(
          rows.map(([s]) => s),
          (i) => rows[i]![1],
        );
        expect(area).toBeCloseTo(share, 12);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it('count the first of equal logits as the larger, as predictions do', () => {
    const logits = Float32Array.of(1, 1, 0, 0, 2, 2);
    expect(topK(logits, [0, 1], 3, 1)).toBe(1);
    expect(topK(logits, [1, 2], 3, 1)).toBe(0);
    expect(topK(logits, [1, 2], 3, 2)).toBe(1);
    expect(confusionMatrix([0, 1, 1], [0, 0, -1], 2)).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  it('of sequences merge repetitions, drop blanks and count edits', () => {
    const path = [0, 1, 1, 0, 1, 2, 2, 0];
    const logits = Float32Array.from(path.flatMap((best) => [0, 1, 2].map((c) => (c === best ? 1 : 0))));
    expect(bestPath(logits, 3, 0)).toEqual([1, 1, 2]);
    expect(editDistance([1, 2, 3], [1, 3, 3, 4])).toBe(2);
    expect(labelErrorRate(logits, Int32Array.of(1, 2, -1, -1), { samples: 1, classes: 3, blank: 0 })).toBe(0.5);
  });

  it('that are usual for a loss belong to its task', () => {
    const losses: LossSpec[] = [{ kind: 'cross-entropy' }, { kind: 'binary-cross-entropy' }, { kind: 'mse' }];
    for (const loss of [...losses, { kind: 'ctc', labels: 3 } as const]) {
      const [names, task] = [usualMetrics(loss), taskOf(loss)];
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(metricTable[name].tasks, name).toContain(task);
    }
    expect(metricNames.filter((name) => metricTable[name].better === 'lower')).toEqual([
      'mae',
      'rmse',
      'labelErrorRate',
    ]);
  });
});
