import { describe, expect, it } from 'vitest';
import { float } from '../../attributes.js';
import { float32 } from '../../tensor.js';
import type { GraphBuilder } from '../../builder.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { mergeClips } from './merge-clips.js';

type Step = 'Relu' | readonly [number | null, number | null];

function step(b: GraphBuilder, x: string, what: Step): string {
  if (what === 'Relu') return b.node('Relu', [x]);
  const inputs = what.map((v) => (v === null ? '' : b.constant(float32([], [v]))));
  return b.node('Clip', [x, ...inputs]);
}

describe('merge-clips', () => {
  it.each<[Step, Step, string]>([
    ['Relu', [0, 0.5], 'Clip'],
    ['Relu', [-1, 0.25], 'Clip'],
    [[-0.5, 0.5], 'Relu', 'Clip'],
    [[-0.5, null], 'Relu', 'Relu'],
    [[-0.5, 0.25], [0.1, 0.9], 'Clip'],
    [[0.2, 0.3], [-0.9, 0.1], 'Clip'],
  ])('%j and %j in one', async (first, second, op) => {
    const model = network([4, 8], (b, x) => step(b, step(b, x, first), second));
    const { model: result, fired } = rewritten(model, [mergeClips]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual([op]);
    await expectSameNumbers(model, result, EXACT);
  });

  it('writes attributes before operator set 11', async () => {
    const old = { opset: 9, irVersion: 7 };
    const clip = { min: float(-1), max: float(0.5) };
    const model = network([4, 8], (b, x) => b.node('Clip', [b.node('Relu', [x])], clip), old);
    const { model: result } = rewritten(model, [mergeClips]);
    expect([...result.graph.nodes[0]!.attributes.keys()]).toEqual(['min', 'max']);
    await expectSameNumbers(model, result, EXACT);
  });

  it('leaves a bound that an input gives', () => {
    const model = network([2], (b, x) => b.node('Clip', [b.node('Relu', [x]), b.input('low', 'float32', [])]));
    expect(rewritten(model, [mergeClips]).declined.map((d) => d.reason)).toEqual(['a bound is not a float32 constant']);
  });
});
