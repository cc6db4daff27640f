import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, float32, GraphBuilder } from '@verge/onnx';
import { optimizedModel } from './optimized.js';

describe('optimizedModel', () => {
  it('shows what ONNX Runtime fused', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [1, 1, 4, 4]);
    const w = b.initializer('w', float32([2, 1, 1, 1], [1, -1]));
    const y = b.node('Relu', [b.node('Conv', ['x', w])]);
    b.output(y, 'float32', [1, 2, 4, 4]);
    const fused = decodeModel(await optimizedModel(encodeModel(b.build())));
    expect(fused.graph.nodes.map((n) => n.op)).not.toContain('Relu');
  });
  it('refuses what is no model', async () => {
    await expect(optimizedModel(Uint8Array.of(1))).rejects.toMatchObject({ code: 'model-refused' });
  });
});
