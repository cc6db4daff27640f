import { float32, GraphBuilder, int, str, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { expect, it } from 'vitest';
import { fit } from './fit.js';
import { Random } from './random.js';

const random = new Random(5);
const values = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());
const [kernel, head] = [values(2 * 9), values(2 * 36)];

/** A convolution, stretched by scales that stand in the file, or that a Concat puts together. */
function stretched(folded: boolean): Model {
  const b = new GraphBuilder();
  const y = b.node('Conv', [
    b.input('x', 'float32', ['n', 1, 5, 5]),
    b.initializer('kernel', float32([2, 1, 3, 3], kernel)),
  ]);
  const part = (n: number): string => b.constant(float32([2], [n, n]));
  const scales = folded
    ? b.constant(float32([4], [1, 1, 2, 2]))
    : b.node('Concat', [part(1), part(2)], { axis: int(0) });
  const wide = b.node('Resize', [y, '', scales], { mode: str('linear') });
  const flat = b.node('Flatten', [wide]);
  b.node('MatMul', [flat, b.initializer('head', float32([72, 1], head))], {}, 1, { outputNames: ['y'] });
  b.output('y', 'float32', ['n', 1]);
  return b.build({ opset: 17 });
}

it('trains through a Resize whose scales a Concat puts together as through one of the same constants', async () => {
  const samples = { x: values(4 * 25), shape: [1, 5, 5], y: new Int32Array(4), targets: values(4) };
  const step = async (folded: boolean) => {
    const { model } = await fit({
      ...{ model: stretched(folded), createSession, train: samples, validation: samples, epochs: 1, batchSize: 4 },
      ...{ loss: { kind: 'mse' }, optimizer: { name: 'sgd', learningRate: 0.1 }, keep: 'last' },
    });
    return model;
  };
  const [folded, made] = [await step(true), await step(false)];
  for (const name of ['kernel', 'head']) {
    const [a, b] = [folded, made].map((model) => model.graph.initializers.get(name)!.value);
    expect(a).not.toEqual(stretched(true).graph.initializers.get(name)!.value);
    expect(a).toEqual(b);
  }
  // The file is as it was: what the gradient needed stands in the training step alone.
  expect(made.graph.nodes.map((node) => node.op)).toEqual(stretched(false).graph.nodes.map((node) => node.op));
});
