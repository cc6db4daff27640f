/** What a training configuration can ask for, through the command line. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits, temporaryFolder, verge, writeConfig } from '../test-command.js';
import type { TrainReport } from './train.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function train(name: string, config: object): Promise<{ report: TrainReport; model: string; stderr: string }> {
  const file = await writeConfig(
    folder,
    { model: { architecture: 'mlp', params: { hidden: [24] } }, ...config },
    `${name}.yaml`,
  );
  const out = join(folder, name);
  const run = await verge('train', '--config', file, '--out', out, '--json');
  expect(run.code, run.stderr).toBe(0);
  const model = (await readFile(join(out, 'model.onnx'))).toString('base64');
  return { report: run.json<TrainReport>(), model, stderr: run.stderr };
}

/** Each constant's elements as text. */
function initializersOf(model: string): Map<string, string> {
  const { initializers } = decodeModel(Buffer.from(model, 'base64')).graph;
  return new Map([...initializers].map(([name, { value }]) => [name, 'data' in value ? String(value.data) : '']));
}

describe('verge train', () => {
  it('reports metrics, and keeps the epoch that the monitored one decides', async () => {
    const metrics = ['accuracy', 'macroF1', 'auc', 'top3'];
    const { report } = await train('metrics', { epochs: 4, metrics, monitor: 'auc', keep: 'best' });
    const areas = report.points.map((p) => p.metrics!['auc']!);
    expect(report.bestEpoch).toBe(areas.indexOf(Math.max(...areas)) + 1);
    for (const part of ['validation', 'test'] as const) {
      expect(Object.keys(report.metrics[part])).toEqual(metrics);
      expect(report.metrics[part]['accuracy']).toBeCloseTo(report[part].accuracy, 12);
    }
    const counted = report.confusion!.flat().reduce((a, b) => a + b, 0);
    expect(counted).toBe(report.test.samples);
    const text = await verge(
      'train',
      '--config',
      join(folder, 'metrics.yaml'),
      '--out',
      join(folder, 'metrics'),
      '--resume',
    );
    expect(text.stdout).toMatch(/macroF1 +0\.\d{4} validation, 0\.\d{4} test/);
  });

  it('leaves the training part on disk: the same bytes as from memory', async () => {
    const [memory, disk] = [
      await train('memory', { data: { path: digits } }),
      await train('disk', { data: { path: digits, stream: true } }),
    ];
    expect(disk.model).toBe(memory.model);
    expect(disk.report.test).toEqual(memory.report.test);
  });

  it('learns to reproduce samples, for which there is no accuracy', async () => {
    const { report } = await train('reproduce', {
      model: { architecture: 'autoencoder', params: { hidden: [32], code: 16 } },
      loss: { kind: 'mse' },
      epochs: 5,
      averaging: { kind: 'ema', decay: 0.9 },
      accumulate: 2,
      maxGradientNorm: 10,
      optimizer: { name: 'adam', learningRate: 0.003 },
    });
    expect(report.test).toEqual({ samples: 0, accuracy: 0, top5: 0 });
    expect(report.confusion).toBeUndefined();
    expect(report.metrics.test['rmse']).toBeLessThan(report.points[0]!.metrics!['rmse']!);
    expect(report.points.at(-1)!.valLoss).toBeCloseTo(report.metrics.validation['rmse']! ** 2, 6);
  });

  it('freezes what is named, and goes on from an ONNX file', async () => {
    const start = await train('start', { epochs: 2 });
    const model = { onnx: 'start/model.onnx' };
    const tuned = await train('tuned', {
      model,
      epochs: 1,
      freeze: ['hidden*'],
      schedule: { name: 'plateau', patience: 0 },
      augmentation: { mixup: 0.2, noise: 0.01 },
      prefetch: true,
    });
    expect(tuned.report.points[0]!.valAccuracy).toBeGreaterThan(start.report.points[0]!.valAccuracy);
    const headed = await train('headed', { model: { ...model, newHead: true }, epochs: 1, freeze: ['*'] });
    const [before, after] = [start.model, headed.model].map(initializersOf);
    const moved = [...before!.keys()].filter((name) => before!.get(name) !== after!.get(name));
    expect([...before!.keys()].length).toBeGreaterThan(moved.length);
    expect(moved.every((name) => name.startsWith('output'))).toBe(true);
    expect(moved.length).toBeGreaterThan(0);
    expect(tuned.model).not.toBe(start.model);
    expect(initializersOf(tuned.model).get('hidden1.weight')).toBe(before!.get('hidden1.weight'));
  });

  it('names every field that does not fit its schedule', async () => {
    const schedule = { name: 'cosine', power: 2, patience: 3 };
    const run = await verge(
      'train',
      '--config',
      await writeConfig(folder, { schedule }, 'bad.yaml'),
      '--out',
      join(folder, 'bad'),
    );
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('schedule.power');
    expect(run.stderr).toContain('schedule.patience');
  });
});
