import { describe, expect, it } from 'vitest';
import { assertLegal, GraphBuilder, float32 } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { largestDifference, outputWith, randomTensor } from '../test-models.js';
import { dropInert } from './drop-inert.js';
import { applyRules } from './rule.js';

const outputOf = outputWith(createSession);

describe('drop-inert', () => {
  it('drops Identity and Dropout inside and at the end, the output keeps its name, the numbers agree', async () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 3]);
    const a = b.node('Relu', [b.node('Identity', ['x'])]);
    const d = b.node('Dropout', [a, b.initializer('ratio', float32([], [0.5]))]);
    b.output(b.node('Identity', [b.node('Neg', [d])], {}, 1, { outputNames: ['y'] }), 'float32', [2, 3]);
    const model = b.build();
    const { model: small, fired } = applyRules(model, [dropInert]);
    expect(fired).toEqual({ 'drop-inert': 3 });
    expect(small.graph.nodes.map((n) => n.op)).toEqual(['Relu', 'Neg']);
    expect(small.graph.outputs[0]!.name).toBe('y');
    assertLegal(small);
    const x = randomTensor([2, 3]);
    expect(largestDifference(await outputOf(model, x), await outputOf(small, x))).toBe(0);
  });

  it('declines where an input would become an output', () => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2]);
    b.output(b.node('Identity', ['x']), 'float32', [2]);
    const { fired, declined } = applyRules(b.build(), [dropInert]);
    expect(fired).toEqual({ 'drop-inert': 0 });
    expect(declined).toHaveLength(1);
  });
});
