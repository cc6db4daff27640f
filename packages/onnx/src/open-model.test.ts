import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './builder.js';
import { decodeModel } from './codec/model.js';
import { createSession } from './conformance/executor.js';
import { loadExternalData } from './external.js';
import type { Model } from './ir.js';
import { encodeApart, openModel } from './open-model.js';
import { storedBytes } from './stored.js';
import { float32 } from './tensor.js';

const weights = Float32Array.from({ length: 256 * 128 }, (_, i) => Math.sin(i));
const bias = Float32Array.from({ length: 128 }, (_, i) => i / 128);

function dense(): Model {
  const b = new GraphBuilder();
  const product = b.node('MatMul', [
    b.input('x', 'float32', ['n', 256]),
    b.initializer('w', float32([256, 128], weights)),
  ]);
  b.output(b.node('Add', [product, b.initializer('b', float32([128], bias))]), 'float32', ['n', 128]);
  return b.build();
}

describe('a model for a session', () => {
  it('is one message up to a limit, and beyond it has its large tensors beside it, not copied', () => {
    const model = dense();
    expect(storedBytes(model)).toBe(4 * (256 * 128 + 128));
    expect(encodeApart(model).externalData).toBeUndefined();
    const { bytes, externalData } = encodeApart(model, 1000);
    expect(bytes.length).toBeLessThan(1000);
    expect([...externalData!.values()].map((v) => [v.buffer === weights.buffer, v.byteLength])).toEqual([
      [true, weights.byteLength],
    ]);
    const again = loadExternalData(decodeModel(bytes), externalData!);
    expect(again.graph.initializers.get('w')!.value).toEqual(float32([256, 128], weights));
  });

  it('gives the same numbers in both forms', async () => {
    const model = dense();
    const x = float32(
      [2, 256],
      Float32Array.from({ length: 512 }, (_, i) => Math.cos(i)),
    );
    const [name] = model.graph.outputs.map((o) => o.name);
    const results: unknown[] = [];
    const { bytes, externalData } = encodeApart(model, 1000);
    for (const session of [
      await openModel(createSession, model),
      await createSession(bytes, { externalData: externalData! }),
    ]) {
      results.push((await session.run({ x }))[name!]!.data);
      await session.release();
    }
    expect(results[1]).toEqual(results[0]);
  });
});
