import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  GraphBuilder,
  graphAttr,
  int,
  int64,
  summarize,
  type FunctionBody,
  type Model,
  type Tensor,
} from '../index.js';
import { zeros } from './counts-cases.js';

/** A graph of one product with a weight of its own, [2, 4] times [4, columns]; `x` is seen from outside or an input. */
function body(columns: number, inputs: (b: GraphBuilder) => void = () => undefined, outer = 'x') {
  const b = new GraphBuilder();
  inputs(b);
  const y = b.node('MatMul', [outer, b.constant(zeros(4, columns), `w${columns}`)], {}, 1, { name: `fc${columns}` });
  return { b, y };
}

function branch(columns: number): ReturnType<typeof graphAttr> {
  const { b, y } = body(columns);
  b.output(y, 'float32', [2, columns]);
  return graphAttr(b.graph);
}

describe('what runs inside of nodes', () => {
  it('has its parameters counted, and of two branches the larger work', () => {
    const file = new URL('cases/params_in_branches.onnx', import.meta.url);
    const summary = summarize(decodeModel(readFileSync(file)));
    // Two branches with a product each, by a weight of 128 elements.
    expect([summary.parameters, summary.macs, summary.unknown]).toEqual([256, 128, []]);

    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 4]);
    const condition = b.input('c', 'bool', []);
    const attributes = { then_branch: branch(3), else_branch: branch(7) };
    b.output(b.node('If', [condition], attributes, 1, { name: 'choice' }), null, null);
    const chosen = summarize(b.build());
    expect([chosen.parameters, chosen.weightBytes, chosen.macs]).toEqual([12 + 28, 160, 2 * 4 * 7]);
    expect(chosen.layers[0]!.note).toBe('the larger branch');
  });

  const loop = (trips: Tensor | null): Model => {
    const b = new GraphBuilder();
    b.input('x', 'float32', [2, 4]);
    const limit = trips ? b.constant(trips) : b.input('n', 'int64', []);
    const { b: inner, y } = body(
      4,
      (g) => {
        for (const [name, type] of [
          ['i', 'int64'],
          ['go', 'bool'],
        ] as const)
          g.input(name, type, []);
        g.input('state', 'float32', [2, 4]);
      },
      'state',
    );
    inner.output(inner.node('Identity', ['go']), 'bool', []);
    inner.output(y, 'float32', [2, 4]);
    b.output(b.node('Loop', [limit, '', 'x'], { body: graphAttr(inner.graph) }, 1, { name: 'again' }), null, null);
    return b.build();
  };

  it('counts for every trip of a loop, when their number is known', () => {
    expect(summarize(loop(int64([], [5])))).toMatchObject({ macs: 5 * 2 * 4 * 4, parameters: 16, unknown: [] });
    const many = summarize(loop(int64([], [1000])));
    expect([many.macs, many.layers[0]!.note]).toEqual([1000 * 2 * 4 * 4, '1000 times the body']);
    const open = summarize(loop(null));
    expect([open.macs, open.parameters]).toEqual([null, 16]);
    expect(open.unknown).toEqual([{ node: 'again', reason: 'how often its body runs depends on values' }]);
  });

  it('counts for every slice of a Scan', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['steps', 2, 4]);
    const { b: inner, y } = body(3, (g) => void g.input('slice', 'float32', [2, 4]), 'slice');
    inner.output(y, 'float32', [2, 3]);
    b.output(b.node('Scan', [x], { body: graphAttr(inner.graph), num_scan_inputs: int(1) }), null, null);
    expect(summarize(b.build(), { steps: 6 })).toMatchObject({ macs: 6 * 2 * 4 * 3, parameters: 12, unknown: [] });
  });

  it('counts in a function for each call, its weight once', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 4]);
    const call = (value: string): string => b.node('Layer', [value], {}, 1, { domain: 'local' });
    b.output(call(call(x)), null, null);
    const model = b.build({ opsets: { local: 1 } });
    const inner = new GraphBuilder();
    inner.input('v', 'float32', [2, 4]);
    const w = inner.node('Constant', [], { value: { kind: 'tensor', value: { name: '', value: zeros(4, 4) } } });
    const y = inner.node('MatMul', ['v', w]);
    const layer: FunctionBody = {
      ...{ domain: 'local', name: 'Layer', inputs: ['v'], outputs: [y], attributes: [] },
      nodes: inner.graph.nodes,
      opsets: new Map([['', 21]]),
    };
    const summary = summarize({ ...model, functions: [layer] });
    expect([summary.macs, summary.parameters, summary.unknown]).toEqual([2 * 2 * 4 * 4, 16, []]);
  });
});
