import { float32, GraphBuilder, graphAttr, type Graph, type Model, tensorAttr, tensorInfo } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { expect, it } from 'vitest';
import { randomTensor } from '../test-models.js';
import { float16 } from './float16/float16.js';
import type { PassContext } from './pass.js';
import { quantizeDynamic } from './quantize-dynamic/quantize.js';
import { quantizeWeights } from './quantize-weights/quantize.js';
import { smooth } from './smooth/smooth.js';

/** A product, and behind it an If with one in each branch: the weight of one is an initializer, that of the other a node. */
function branching(): Model {
  const g = new GraphBuilder();
  const x = g.node('MatMul', [g.input('x', 'float32', ['n', 32]), g.initializer('w', randomTensor([32, 32]))], {}, 1, { name: 'outside' }); // prettier-ignore
  const branch = (name: string, weight: (inner: GraphBuilder) => string): Graph => {
    const inner = new GraphBuilder();
    inner.graph.name = name;
    inner.graph.outputs.push(tensorInfo(inner.node('MatMul', [x, weight(inner)], {}, 1, { outputNames: [`${name}.y`] }), 'float32', null)); // prettier-ignore
    return inner.graph;
  };
  const branches = {
    then_branch: graphAttr(branch('then', (b) => b.initializer('then.w', randomTensor([32, 32], 2)))),
    else_branch: graphAttr(branch('else', (b) => b.node('Constant', [], { value: tensorAttr(float32([32, 32], randomTensor([32, 32], 3).data)) }))), // prettier-ignore
  };
  const yes = g.initializer('yes', { dtype: 'bool', dims: [], data: Uint8Array.of(1) });
  g.output(g.node('If', [yes], branches, 1, { name: 'choice' }), 'float32', null);
  return g.build({ opset: 17 });
}

it('weights in branches are left, and told of, by every pass of weights', async () => {
  const train = { x: randomTensor([8, 32]).data, shape: [32], y: new Int32Array(8), labels: [], name: 'noise' };
  const context: PassContext = { createSession, train, validation: train };
  const keep: string[] = [];
  const told = async (made: Promise<{ declined: { node: string; reason: string }[] }>): Promise<string[]> =>
    (await made).declined.filter((d) => d.node === 'choice').map((d) => d.reason);
  const model = branching();
  expect(await told(float16(model, { mode: 'weights', samples: 8, keep }, context))).toEqual([
    '2 constants in its branches stay in floats',
  ]);
  expect(await told(float16(model, { mode: 'all', samples: 8, keep }, context))).toEqual([
    'what stands in branches and loops stays in float32',
  ]);
  const target = { arch: 'x64', vnni: true } as const;
  expect(await told(quantizeDynamic(model, { scale: 'channel', lstm: true, keep }, target, context))).toEqual([
    '2 MatMul, Gemm, LSTM, GRU, RNN in its branches stay in floats',
  ]);
  const blocks = { bits: 4, blockSize: 32, symmetric: false, scale: 'range', accuracyLevel: 4, embeddings: true, keep, rounding: 'nearest', samples: 64 } as const; // prettier-ignore
  expect(await told(quantizeWeights(model, blocks, context))).toEqual([
    '2 MatMul, Gemm in its branches stay in floats',
  ]);
  expect(await told(smooth(model, { alpha: 0.5, multiply: true, samples: 8, keep }, context))).toEqual([
    '2 MatMul, Gemm in its branches stay in floats',
  ]);
});
