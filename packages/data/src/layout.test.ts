import { afterAll, describe, expect, it } from 'vitest';
import { encodeNpz, openDataset, openSource } from './index.js';
import { testFolder } from './test-folder.js';

const { put, remove } = testFolder('verge-layout-');
afterAll(remove);

const npz = (name: string, dims: number[]): Promise<string> => {
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => i);
  return put(name, encodeNpz([['x', { dtype: 'float32', dims, data }]]));
};

describe('the layout of arrays', () => {
  it.each([
    ['HWC', 'CHW', [2, 3, 2], [2, 2, 3], [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]],
    ['CT', 'TC', [2, 3], [3, 2], [0, 3, 1, 4, 2, 5]],
    ['CHW', 'CHW', [1, 2, 2], [1, 2, 2], [0, 1, 2, 3]],
  ] as const)('%s becomes %s', async (layout, known, dims, shape, x) => {
    const path = await npz(`${layout}.npz`, [1, ...dims]);
    const data = await openDataset(path, { layout });
    expect(data).toMatchObject({ layout: known, shape, x: Float32Array.from(x) });
    const source = await openSource(path, { layout });
    expect(source).toMatchObject({ layout: known, shape });
    expect((await source.read([0])).x).toEqual(Float32Array.from(x));
    await source.close();
    expect((await openDataset(path)).layout).toBeUndefined();
  });

  it('is refused for samples with other axes, and where a pipeline or windows say it', async () => {
    const path = await npz('three.npz', [2, 4, 5]);
    await expect(openDataset(path, { layout: 'HWC' })).rejects.toThrow('HWC has 3 axes, the samples are [4, 5]');
    await expect(openDataset(path, { layout: 'CT', window: { length: 2 } })).rejects.toThrow(
      /windows are cut from .*TC/,
    );
    const preprocess = {
      input: { kind: 'array' as const, shape: [4, 5], layout: 'TC' as const },
      steps: [],
      output: { layout: 'TC' as const, shape: [4, 5], dtype: 'float32' as const },
    };
    await expect(openDataset(path, { layout: 'TC', preprocess })).rejects.toMatchObject({ code: 'bad-setting' });
    expect((await openDataset(path, { preprocess })).layout).toBe('TC');
  });
});
