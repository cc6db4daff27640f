import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel, float32, GraphBuilder, type Model, saveExternalData, type Tensor } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession } from './session.js';
import { readHead, sourceBytes } from './model-source.js';
import { openInProcess } from './process/process-session.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verge-source-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const SIDE = 256;

function product(dtype: 'float32' | 'bfloat16'): Model {
  const b = new GraphBuilder();
  const weights = float32(
    [SIDE, SIDE],
    Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % 7) - 3),
  );
  const input = b.input('x', dtype, ['n', SIDE]);
  const x = dtype === 'float32' ? input : b.node('Cast', [input], { to: { kind: 'int', value: 1n } });
  b.output(b.node('MatMul', [x, b.initializer('w', weights)]), 'float32', ['n', SIDE]);
  return b.build();
}

async function written(name: string, model: Model, beside: boolean): Promise<string> {
  const path = join(folder, name);
  const chunks: Uint8Array[] = [];
  const refers = beside
    ? await saveExternalData(model, { location: `${name}.data` }, ({ bytes }) => void chunks.push(bytes))
    : model;
  await writeFile(path, encodeModel(refers));
  if (beside) await writeFile(`${path}.data`, Buffer.concat(chunks));
  return path;
}

const x = float32(
  [1, SIDE],
  Float32Array.from({ length: SIDE }, (_, i) => i % 3),
);
const expected = Float32Array.from({ length: SIDE }, (_, column) => {
  let sum = 0;
  for (let row = 0; row < SIDE; row++) sum += (row % 3) * (((row * SIDE + column) % 7) - 3);
  return sum;
});

describe('a model that is named by its file', () => {
  it.each([
    ['in one file', 'float32', false],
    ['with weights beside it', 'float32', true],
    ['with an edge that is changed', 'bfloat16', false],
    ['with an edge that is changed and weights beside it', 'bfloat16', true],
  ] as const)('runs %s, here and in a process of its own', async (name, dtype, beside) => {
    const path = await written(`${name.replaceAll(' ', '-')}.onnx`, product(dtype), beside);
    for (const open of [openSession, openInProcess]) {
      const session = await open(path);
      const [output] = Object.values(await session.run({ x })) as Tensor[];
      // Whole numbers below 2^24: exact.
      expect(output!.data).toEqual(expected);
      expect(session.changes.length).toBe(dtype === 'bfloat16' ? 1 : 0);
      await session.release();
    }
  });

  it('has a head of few bytes, and the size of all its files', async () => {
    const model = product('float32');
    const [one, two] = [await written('one.onnx', model, false), await written('two.onnx', model, true)];
    expect(readHead(one).length).toBeLessThan(2000);
    expect(sourceBytes(one)).toBe(encodeModel(model).length);
    expect(sourceBytes(two)).toBe(readHead(two).length + 4 * SIDE * SIDE);
    await expect(openSession(join(folder, 'absent.onnx'))).rejects.toMatchObject({ code: 'model-refused' });
  });
});
