import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, str, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { probeBlock } from '../blocked-layout.js';
import { Random } from '../random.js';
import { buildVectorJacobianModel } from '../training-model.js';

const block = await probeBlock(createSession);
if (block === 0) console.log('steps are written in standard form here: tiles are not tested');

const random = new Random(4, 'tiles');
const drawn = (size: number): Tensor =>
  float32(
    [size],
    Float32Array.from({ length: size }, () => random.uniform(-5, 5)),
  );

describe.skipIf(block === 0)('Gelu over many elements', () => {
  it.each([
    { size: 2 * 81_920, approximate: 'none', tiled: 1 },
    { size: 3 * 81_920, approximate: 'tanh', tiled: 1 },
    { size: 131_111, approximate: 'none', tiled: 0 },
    { size: 100_000, approximate: 'none', tiled: 0 },
  ])('has the gradient of the standard form: $size, $approximate', async ({ size, approximate, tiled }) => {
    const b = new GraphBuilder();
    b.output(b.node('Gelu', [b.input('x', 'float32', [size])], { approximate: str(approximate) }), 'float32', [size]);
    const feeds = { x: drawn(size), seed: drawn(size) };
    const results: Float32Array[] = [];
    for (const own of [0, block]) {
      const model = buildVectorJacobianModel(b.build(), { wrt: ['x'], block: own });
      expect(model.graph.nodes.filter((n) => n.op === 'Scan').length).toBe(own === 0 ? 0 : tiled);
      const session = await createSession(encodeModel(model), { optimization: 'extended' });
      results.push((await session.run(feeds))['gradient.x']!.data as Float32Array);
      await session.release();
    }
    const [standard, inTiles] = results as [Float32Array, Float32Array];
    const largest = standard.reduce((worst, v, i) => Math.max(worst, Math.abs(v - inTiles[i]!)), 0);
    expect(largest).toBeLessThan(1e-5);
  });
});
