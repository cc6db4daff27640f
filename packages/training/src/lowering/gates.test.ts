import { float32, GraphBuilder, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { prepareForward } from '../forward.js';
import { joinGates } from './gates.js';
import { oneStep } from '../transfer/one-step.js';

function gated(build: (b: GraphBuilder, h: string, gate: string) => string): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 4]);
  const w = b.initializer(
    'w',
    float32(
      [4, 3],
      Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    ),
  );
  const h = b.node('MatMul', [x, w]);
  const gate = b.node('Sigmoid', [h], {}, 1, { outputNames: ['gate'] });
  b.output(build(b, h, gate), 'float32', ['n', 3]);
  return b.build();
}

const operators = (model: Model, kept: string[] = []): string[] =>
  joinGates(prepareForward(model, 2), new Set(kept)).graph.nodes.map((n) => n.op);

describe('gates', () => {
  it.each([
    ['the first operand', (b: GraphBuilder, h: string, gate: string) => b.node('Mul', [gate, h])],
    ['the second', (b: GraphBuilder, h: string, gate: string) => b.node('Mul', [h, gate])],
  ] as const)('that are %s of their product are one operator', async (_, build) => {
    expect(operators(gated(build))).toEqual(['MatMul', 'Swish']);
    const { errors } = await oneStep(gated(build), createSession, [4]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
  });

  it('stay where something else reads them, or they gate something else', () => {
    const parts = (b: GraphBuilder, h: string, gate: string): string => b.node('Mul', [h, gate]);
    expect(operators(gated(parts), ['gate'])).toEqual(['MatMul', 'Sigmoid', 'Mul']);
    expect(operators(gated((b, h, gate) => b.node('Add', [parts(b, h, gate), gate])))).not.toContain('Swish');
    expect(operators(gated((b, h, gate) => b.node('Mul', [b.node('Tanh', [h]), gate])))).not.toContain('Swish');
  });
});
