import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { float32 } from '@verge/onnx';
import { openSession } from './session.js';

const file = join(process.env.VERGE_DATA ?? '', 'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx');

describe.skipIf(!existsSync(file))('a published model (skipped without VERGE_DATA)', () => {
  it('runs and names its ports', async () => {
    const session = await openSession(readFileSync(file));
    expect(session.inputs).toHaveLength(1);
    const shape = session.inputs[0]!.shape.map((d) => (typeof d === 'number' ? d : 1));
    const count = shape.reduce((a, b) => a * b, 1);
    const out = await session.run({ [session.inputNames[0]!]: float32(shape, new Float32Array(count)) });
    const probabilities = Object.values(out)[0]!;
    expect(probabilities.dtype).toBe('float32');
    await session.release();
    await expect(session.run({})).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('bad input', () => {
  it('refuses bytes that are no model', async () => {
    await expect(openSession(new Uint8Array(0))).rejects.toMatchObject({ code: 'model-refused' });
    await expect(openSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'model-refused' });
  });
  it('refuses a bad thread count', async () => {
    await expect(openSession(Uint8Array.of(1), { threads: 0 })).rejects.toMatchObject({ code: 'bad-setting' });
  });
});
