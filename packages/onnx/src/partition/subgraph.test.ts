import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import { graphAttr, int } from '../attributes.js';
import { GraphBuilder } from '../builder.js';
import { checkModel } from '../check/index.js';
import { decodeModel, encodeModel } from '../codec/model.js';
import type { Model } from '../ir.js';
import { float32, int64 } from '../tensor.js';
import { checkSubgraph, extractSubgraph } from './subgraph.js';

/** x and mask -> a -> b -> y; a and a constant -> z, in a branch that reads a from outside. */
function whole(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 3]);
  const mask = b.input('mask', 'float32', ['n', 3]);
  b.initializer('w', float32([3, 2], [1, 2, 3, 4, 5, 6]));
  b.initializer('c', float32([3], [7, 8, 9]));
  b.node('Mul', [x, mask], {}, 1, { outputNames: ['a'] });
  b.node('MatMul', ['a', 'w'], {}, 1, { outputNames: ['b'] });
  b.node('Relu', ['b'], {}, 1, { outputNames: ['y'] });
  const branch = (op: string) => {
    const inner = new GraphBuilder();
    inner.output(inner.node(op, ['a', 'c'], {}, 1, { outputNames: [`${op}.z`] }), 'float32', ['n', 3]);
    return graphAttr(inner.graph);
  };
  const yes = b.node('Cast', [b.constant(int64([], [1]))], { to: int(9) });
  b.node('If', [yes], { then_branch: branch('Add'), else_branch: branch('Sub') }, 1, { outputNames: ['z'] });
  b.output('y', 'float32', ['n', 2]);
  b.output('z', 'float32', ['n', 3]);
  return b.build();
}

const edges = ({ graph }: Model) => [graph.inputs.map((i) => i.name), graph.outputs.map((o) => o.name)];
const ops = ({ graph }: Model) => graph.nodes.map((node) => node.op);

describe('a part of a graph', () => {
  it('has the edges that were named, in their order, and what it needs', async () => {
    const model = whole();
    const part = extractSubgraph(model, { from: ['a'], to: ['z', 'b'] });
    expect(edges(part)).toEqual([['a'], ['z', 'b']]);
    expect(ops(part)).toEqual(['MatMul', 'Cast', 'If']);
    expect([...part.graph.initializers.keys()].filter((name) => name.length === 1).sort()).toEqual(['c', 'w']);
    expect(checkModel(decodeModel(encodeModel(part)))).toEqual([]);
    const session = await createSession(encodeModel(part));
    const out = await session.run({ a: float32([1, 3], [1, 0, 1]) });
    expect(out['b']).toEqual(float32([1, 2], [6, 8]));
    expect(out['z']).toEqual(float32([1, 3], [8, 8, 10]));
    await session.release();
    expect(await checkSubgraph(model, part, createSession)).toMatchObject({ within: true, assumed: { n: 1 } });
  });

  it('keeps the inputs that are needed, or the outputs, where none are named', () => {
    expect(edges(extractSubgraph(whole(), { to: ['a'] }))).toEqual([['x', 'mask'], ['a']]);
    expect(edges(extractSubgraph(whole(), { from: ['a'] }))).toEqual([['a'], ['y', 'z']]);
    const all = extractSubgraph(whole(), {});
    expect([edges(all), ops(all)]).toEqual([edges(whole()), ops(whole())]);
  });

  it('may begin at a constant, and be one node or none', async () => {
    const part = extractSubgraph(whole(), { from: ['a', 'w'], to: ['b'] });
    expect([edges(part), part.graph.initializers.size]).toEqual([[['a', 'w'], ['b']], 0]);
    expect(part.graph.inputs[1]!.type).toMatchObject({ dtype: 'float32', shape: [3, 2] });
    const through = extractSubgraph(whole(), { from: ['b', 'x', 'mask'], to: ['y', 'a'] });
    expect(ops(through)).toEqual(['Mul', 'Relu']);
  });

  it('names everything that is wrong at once', () => {
    const cut = (from: string[], to: string[]) => () => extractSubgraph(whole(), { from, to });
    expect(cut(['A', 'q'], ['y'])).toThrow(/there is no value "A" \("a", .*\?\); there is no value "q"/);
    expect(cut(['x'], ['y'])).toThrow('"mask" must be fed too: name them as inputs');
    expect(cut(['b', 'x'], ['y'])).toThrow('nothing that is asked for needs "x"');
    expect(cut(['b', 'w'], ['y', 'z'])).toThrow(
      '"x", "mask" must be fed too: name them as inputs; nothing that is asked for needs "w"',
    );
    expect(cut(['a'], [])).toThrow('no output is named');
    expect(cut(['a'], ['Add.z'])).toThrow('there is no value "Add.z"');
  });

  it('refuses an input whose type nobody knows, and writes no type that is unknown', () => {
    const b = new GraphBuilder();
    const odd = b.node('Odd', [b.input('x', 'float32', [2])], {}, 1, { domain: 'own', outputNames: ['odd'] });
    b.output(b.node('Relu', [odd], {}, 1, { outputNames: ['y'] }), 'float32', [2]);
    const model = b.build({ opsets: { own: 1 } });
    expect(() => extractSubgraph(model, { from: ['odd'] })).toThrow('the element type of "odd" is not known');
    expect(extractSubgraph(model, { to: ['odd'] }).graph.outputs).toEqual([{ name: 'odd', type: null }]);
  });

  it('shows when its numbers are others', async () => {
    const part = extractSubgraph(whole(), { from: ['a'], to: ['b'] });
    part.graph.initializers.set('w', { name: 'w', value: float32([3, 2], [1, 2, 3, 4, 5, 7]) });
    await expect(checkSubgraph(whole(), part, createSession)).rejects.toMatchObject({ code: 'numbers-differ' });
  });
});
