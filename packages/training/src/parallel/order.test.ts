import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildTrainingModel } from '../training-model.js';
import { segmentStep } from '../segments.js';
import { leavesByNeed } from './order.js';

/** A chain of dense layers, large enough that each parameter is updated by itself. */
function chain(layers: number, width: number): Model {
  const b = new GraphBuilder();
  let value = b.input('x', 'float32', ['N', width]);
  for (let i = 0; i < layers; i++) {
    const data = Float32Array.from({ length: width * width }, (_, at) => Math.sin(at + i) / width);
    const w = b.initializer(`w${i}`, float32([width, width], data));
    value = b.node('Gemm', [value, w], { transB: int(1) });
  }
  b.output(value, 'float32', ['N', width]);
  return b.build();
}

describe('the order of a step', () => {
  it('has the updates of the last layers run first, which are the last in the graph', async () => {
    const training = buildTrainingModel(chain(4, 128), {
      loss: { kind: 'mse' },
      optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9 },
      batch: 2,
    });
    const { graph } = segmentStep(training)!.model;
    const ordered = leavesByNeed(graph);
    const updates = ordered.nodes.slice(-5).map((n) => n.outputs[0]);
    const parameters = [0, 1, 2, 3].map((i) => `next.step.parameters.${i}`);
    // The loss needs the forward pass alone.
    expect(updates).toEqual([...parameters, 'step.loss']);
    expect(new Set(ordered.nodes)).toEqual(new Set(graph.nodes));
    const before = (name: string): number => ordered.nodes.findIndex((n) => n.outputs.includes(name));
    for (const [i, n] of ordered.nodes.entries()) for (const name of n.inputs) expect(before(name)).toBeLessThan(i);
    // ONNX Runtime takes it.
    await (await createSession(encodeModel({ ...training.model, graph: ordered }))).release();
  });
});
