import { expect, it } from 'vitest';
import { decodeModel, encodeModel } from '@verge/onnx';
import { buildArchitecture } from '@verge/training';
import { SharedStudies } from './shared.js';

const model = buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 1);

it('answers once for the same content and question', async () => {
  const studies = new SharedStudies();
  let asked = 0;
  const study = (): Promise<number> => Promise.resolve(++asked);
  expect(await studies.of(model, { batches: 8 }, study)).toBe(1);
  expect(await studies.of(decodeModel(encodeModel(model)), { batches: 8 }, study)).toBe(1);
  expect(await studies.of(model, { batches: 4 }, study)).toBe(2);
  const other = buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 2);
  expect(await studies.of(other, { batches: 8 }, study)).toBe(3);
});

it('asks again after a study that failed', async () => {
  const studies = new SharedStudies();
  await expect(studies.of(model, {}, () => Promise.reject(new Error('cancelled')))).rejects.toThrow('cancelled');
  expect(await studies.of(model, {}, () => Promise.resolve('answer'))).toBe('answer');
});
