import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int64, type Tensor } from '@verge/onnx';
import { openSession } from './session.js';
import { addOne, identity } from './test-models.js';

const file = join(process.env.VERGE_DATA ?? '', 'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx');

describe('openSession', () => {
  it.skipIf(!existsSync(file))('runs a published model (skipped without VERGE_DATA)', async () => {
    const session = await openSession(readFileSync(file));
    const shape = session.inputs[0]!.shape.map((d) => (typeof d === 'number' ? d : 1));
    const count = shape.reduce((a, b) => a * b, 1);
    const out = await session.run({ [session.inputNames[0]!]: float32(shape, new Float32Array(count)) });
    expect(Object.values(out)[0]!.dtype).toBe('float32');
    await session.release();
    await expect(session.run({})).rejects.toMatchObject({ code: 'closed' });
  });

  it('runs, and names its inputs and outputs with types and open dimensions', async () => {
    const session = await openSession(addOne());
    expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['N', 3] }]);
    const { y } = await session.run({ x: float32([2, 3], [1, 2, 3, 4, 5, 6]) });
    expect(y).toEqual(float32([2, 3], [2, 3, 4, 5, 6, 7]));
    await session.release();
  });

  it.each<Tensor>([
    float32([2], [1.5, -2]),
    { dtype: 'float64', dims: [2], data: Float64Array.of(1e300, -0.1) },
    { dtype: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xfbff) },
    { dtype: 'int8', dims: [2], data: Int8Array.of(-128, 127) },
    { dtype: 'uint8', dims: [2], data: Uint8Array.of(0, 255) },
    { dtype: 'int16', dims: [2], data: Int16Array.of(-32768, 3) },
    { dtype: 'uint16', dims: [2], data: Uint16Array.of(0, 65535) },
    { dtype: 'int32', dims: [2], data: Int32Array.of(-(2 ** 31), 7) },
    { dtype: 'uint32', dims: [2], data: Uint32Array.of(0, 2 ** 32 - 1) },
    int64([2], [-(2n ** 63n), 5]),
    { dtype: 'uint64', dims: [2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) },
    { dtype: 'bool', dims: [2], data: Uint8Array.of(1, 0) },
    { dtype: 'string', dims: [2], data: ['', 'Grüße'] },
  ])('carries $dtype unchanged', async (x) => {
    const session = await openSession(identity(x.dtype));
    expect((await session.run({ x })).y).toEqual(x);
    await session.release();
  });

  it('writes outputs where it is told to, also into part of a larger buffer', async () => {
    const session = await openSession(addOne());
    const memory = new Float32Array(10);
    const place = float32([2, 3], memory.subarray(2, 8));
    const { y } = await session.run({ x: float32([2, 3], [1, 2, 3, 4, 5, 6]) }, undefined, { y: place });
    expect([...memory]).toEqual([0, 0, 2, 3, 4, 5, 6, 7, 0, 0]);
    expect((y!.data as Float32Array).buffer).toBe(memory.buffer);
    await session.release();
  });

  it('names every place that no output fits into', async () => {
    const session = await openSession(addOne());
    const x = float32([2, 3], [1, 2, 3, 4, 5, 6]);
    const places = { y: float32([2, 2], [0, 0, 0, 0]), z: float32([1], [0]) };
    const refused = session.run({ x }, undefined, places);
    await expect(refused).rejects.toMatchObject({ code: 'bad-output', problems: { length: 2 } });
    // Rows are open in the model: only the run itself can tell that they do not fit.
    await expect(session.run({ x }, undefined, { y: float32([1, 3], [0, 0, 0]) })).rejects.toMatchObject({
      code: 'run-failed',
    });
    await session.release();
  });

  it('refuses packed 4-bit feeds by name', async () => {
    const b = new GraphBuilder();
    b.input('x', 'int4', ['N']);
    b.initializer('scale', float32([], [0.5]));
    b.node('DequantizeLinear', ['x', 'scale'], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['N']);
    const session = await openSession(encodeModel(b.build()));
    const run = session.run({ x: { dtype: 'int4', dims: [2], data: Uint8Array.of(0x21) } });
    await expect(run).rejects.toMatchObject({ code: 'unsupported-type' });
    await session.release();
  });

  it('names every bad feed at once', async () => {
    const b = new GraphBuilder();
    for (const name of ['a', 'b', 'c']) b.input(name, 'float32', ['N', 3]);
    b.node('Sum', ['a', 'b', 'c'], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', ['N', 3]);
    const session = await openSession(encodeModel(b.build()));
    const feeds: Record<string, Tensor> = {
      b: int64([1, 3], [1, 2, 3]),
      c: float32([1, 2], [1]),
      d: float32([1], [1]),
    };
    const error: unknown = await session.run(feeds).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'bad-feed',
      problems: [
        "'a' is missing, expected float32 [N, 3]",
        "'b' is int64, expected float32 [N, 3]",
        "'c' has shape [1, 2], expected float32 [N, 3]",
        "'c' holds 1 elements, its shape [1, 2] asks for 2",
        "'d' is not an input; the inputs are 'a', 'b', 'c'",
      ],
    });
    const good = float32([1, 3], [1, 2, 3]);
    await expect(session.run({ a: good, b: good, c: good }, ['z'])).rejects.toMatchObject({ code: 'bad-output' });
    await session.release();
  });

  it('reads external data from memory', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2]);
    b.initializer('w', float32([2], [0, 0]));
    b.node('Add', ['x', 'w'], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [2]);
    const model = b.build();
    const external = { location: 'w.bin', offset: 0, length: 8 };
    model.graph.initializers.set('w', { name: 'w', value: { dtype: 'float32', dims: [2], external } });
    const externalData = new Map([['w.bin', new Uint8Array(Float32Array.of(10, 20).buffer)]]);
    const session = await openSession(encodeModel(model), { externalData });
    expect((await session.run({ x: float32([2], [1, 2]) })).y).toEqual(float32([2], [11, 22]));
    await session.release();
  });

  it('refuses bytes that are no model, and bad settings', async () => {
    await expect(openSession(new Uint8Array(0))).rejects.toMatchObject({ code: 'model-refused' });
    await expect(openSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'model-refused' });
    await expect(openSession(addOne(), { threads: 0 })).rejects.toMatchObject({ code: 'bad-setting' });
  });
});
