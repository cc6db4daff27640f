/** The same training by PyTorch, whose modules draw their weights themselves. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { InitialisationTask, TaskData } from './_initialisation-tasks.js';
import { python } from './_python.js';

const bytesOf = (values: NodeJS.TypedArray): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** Shares of the validation and the test part that are recognised after the last epoch. */
export function trainedByPeer(
  task: InitialisationTask,
  data: TaskData,
  factor: number,
  seed: number,
): [number, number] {
  const { params, batchSize, epochs, labelSmoothing, optimizer } = task;
  const learningRate = optimizer.learningRate * factor;
  const weightDecay = 'weightDecay' in optimizer ? (optimizer.weightDecay ?? 0) : 0;
  const plan = { params, batchSize, epochs, labelSmoothing, learningRate, weightDecay, seed, classes: data.classes };
  const folder = mkdtempSync(join(tmpdir(), 'verge-initialisation-'));
  try {
    for (const part of ['train', 'validation', 'test'] as const) {
      writeFileSync(join(folder, `${part}.x`), bytesOf(data[part].x));
      writeFileSync(join(folder, `${part}.y`), bytesOf(data[part].y));
    }
    const input = JSON.stringify({ ...plan, shape: data.train.shape });
    const run = spawnSync(python, [resolve('bench/initialisation-peer.py'), folder], { input, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`PyTorch's training failed: ${run.stderr}`);
    const found = JSON.parse(run.stdout) as { validation: number; test: number };
    return [found.validation, found.test];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
