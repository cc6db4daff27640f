import { encodeModel, float32, GraphBuilder, partition, type Model } from '@verge/onnx';
import { describe, expect, it } from 'vitest';
import { RuntimeError } from './errors.js';
import { profileKernels, profileNodes } from './profile.js';

/** A product of 256 numbers a row, then one of 8; the last node has no name. */
function lopsided(): Model {
  const b = new GraphBuilder();
  const weights = (rows: number, columns: number): string =>
    b.constant(float32([rows, columns], new Float32Array(rows * columns).fill(0.01)));
  const wide = b.node('MatMul', [b.input('x', 'float32', ['n', 256]), weights(256, 2048)], {}, 1, { name: 'wide' });
  const narrow = b.node('MatMul', [wide, weights(2048, 8)], {}, 1, { name: 'narrow' });
  b.output(b.node('Relu', [narrow], {}, 1, { outputNames: ['y'] }), 'float32', ['n', 8]);
  b.graph.nodes[2]!.name = '';
  return b.build();
}

const feeds = (rows: number) => ({ x: float32([rows, 256], new Float32Array(rows * 256).fill(1)) });

describe('profiling nodes', () => {
  it('times each by its name, and measures values', async () => {
    const { milliseconds, bytes } = await profileNodes(lopsided(), feeds(16), { runs: 5 });
    expect([...milliseconds.keys()]).toEqual(['wide', 'narrow', 'y']);
    // 256 times the arithmetic; a busy machine blurs that, but not by so much.
    expect(milliseconds.get('wide')!).toBeGreaterThan(2 * milliseconds.get('narrow')!);
    expect(bytes.get(lopsided().graph.nodes[0]!.outputs[0]!)).toBe(16 * 2048 * 4);
    expect(bytes.get('y')).toBe(16 * 8 * 4);
    // Partitioning takes both as they are.
    const { stages } = partition(lopsided(), { stages: 2, cost: milliseconds, bytes, slack: 0 });
    expect(stages[0]!.model.graph.nodes.map((n) => n.name)).toEqual(['wide']);
    expect(stages[1]!.trafficBytes).toBe(16 * 2048 * 4);
  });

  it('times kernels as they are fused, which bear the names of what they are made of', async () => {
    const kernels = await profileKernels(encodeModel(lopsided()), feeds(16));
    const time = (name: string): number => kernels.find((kernel) => kernel.name.includes(name))!.milliseconds;
    expect(time('wide')).toBeGreaterThan(2 * time('narrow'));
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(profileKernels(encodeModel(lopsided()), feeds(1), { signal: stop.signal })).rejects.toThrow('enough');
  });

  it('says what kept it from running', async () => {
    const code = await profileNodes(lopsided(), { x: float32([1, 2], [1, 2]) }).catch((error: unknown) =>
      error instanceof RuntimeError ? error.code : error,
    );
    expect(code).toBe('run-failed');
  });
});
