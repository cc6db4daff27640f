import { describe, expect, it } from 'vitest';
import { float, floats, float32, GraphBuilder, tensorAttr } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { largestDifference, outputWith, randomTensor } from '../test-models.js';
import { liftConstants } from './lift-constants.js';
import { applyRules } from './rule.js';

const outputOf = outputWith(createSession);

describe('lift-constants', () => {
  it('turns every form of Constant into an initializer, the numbers agree', async () => {
    const b = new GraphBuilder();
    let y = b.input('x', 'float32', [3]);
    for (const attributes of [
      { value: tensorAttr(float32([3], [1, 2, 3])) },
      { value_float: float(2) },
      { value_floats: floats([4, 5, 6]) },
    ]) {
      y = b.node('Add', [y, b.node('Constant', [], attributes)]);
    }
    b.output(y, 'float32', [3]);
    const model = b.build();
    const { model: lifted, fired } = applyRules(model, [liftConstants]);
    expect(fired).toEqual({ 'lift-constants': 3 });
    expect(lifted.graph.nodes.map((n) => n.op)).toEqual(['Add', 'Add', 'Add']);
    const x = randomTensor([3]);
    expect(largestDifference(await outputOf(model, x), await outputOf(lifted, x))).toBe(0);
  });
});
