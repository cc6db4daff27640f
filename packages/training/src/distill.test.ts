import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDigits, pick, splitSamples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import { distill, type DistillOptions } from './distill.js';
import { fit } from './fit.js';
import { largest, predict } from './predict.js';
import type { TrainingSamples } from './samples.js';

const network = (hidden: number, seed: number) =>
  buildArchitecture('mlp', { input: [1, 8, 8], classes: 10, params: { hidden: [hidden] } }, seed);

async function setting(): Promise<DistillOptions & { validation: TrainingSamples }> {
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
});
