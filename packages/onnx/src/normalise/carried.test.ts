import { readFile } from 'node:fs/promises';
import { createSession, openSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import { int, strs } from '../attributes.js';
import { GraphBuilder } from '../builder.js';
import { checkModel } from '../check/index.js';
import { decodeModel, encodeModel } from '../codec/model.js';
import type { Model, ValueType } from '../ir.js';
import { float32, int64, type DataType } from '../tensor.js';
import { carriedForm, describeEdgeChange } from './carried.js';
import { withoutZipMap } from './without-zipmap.js';

const sequenceOf = (dtype: DataType): ValueType => ({
  kind: 'sequence',
  element: { kind: 'tensor', dtype, shape: null },
});

/** x [n, 3] in rows, as a sequence; q2 is that sequence with its first tensor left out, read by another node too. */
function sequences(dtype: DataType = 'float32'): Model {
  const b = new GraphBuilder();
  const x = b.input('x', dtype, ['n', 3]);
  b.node('SplitToSequence', [x, b.constant(int64([], [2]))], { axis: int(0) }, 1, { outputNames: ['q'] });
  b.node('SequenceErase', ['q', b.constant(int64([], [0]))], {}, 1, { outputNames: ['q.sizes'] });
  b.output(b.node('SequenceLength', ['q.sizes']), 'int64', []);
  const model = b.build();
  for (const name of ['q', 'q.sizes']) model.graph.outputs.push({ name, type: sequenceOf(dtype) });
  return model;
}

describe('sequences as outputs', () => {
  it('are elements, sizes and ranks, whatever names are taken', async () => {
    const { model, changes } = carriedForm(sequences());
    expect(checkModel(model)).toEqual([]);
    expect(changes).toEqual([
      { kind: 'sequence', output: 'q', parts: ['q', 'q.sizes_1', 'q.ranks'] },
      { kind: 'sequence', output: 'q.sizes', parts: ['q.sizes', 'q.sizes.sizes', 'q.sizes.ranks'] },
    ]);
    const session = await createSession(encodeModel(model));
    const data = Float32Array.from({ length: 15 }, (_, i) => i);
    const out = await session.run({ x: float32([5, 3], data) });
    // Five rows in chunks of two: [2, 3], [2, 3], [1, 3]; without the first two remain.
    expect(out['q']!.data).toEqual(data);
    expect(out['q.sizes_1']).toEqual(int64([6], [2, 3, 2, 3, 1, 3]));
    expect(out['q.ranks']).toEqual(int64([3], [2, 2, 2]));
    expect(out['q.sizes']!.data).toEqual(data.subarray(6));
    expect(out['q.sizes.sizes']).toEqual(int64([4], [2, 3, 1, 3]));
    expect(out[model.graph.outputs[0]!.name]).toEqual(int64([], [2]));
    await session.release();
  });

  it('may be of strings, and empty', async () => {
    const { model } = carriedForm(sequences('string'));
    const session = await createSession(encodeModel(model));
    const out = await session.run({ x: { dtype: 'string', dims: [2, 3], data: ['a', 'b', 'c', 'd', 'e', 'f'] } });
    expect(out['q']!.data).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect([out['q.sizes']!.dims, out['q.sizes.ranks']!.dims]).toEqual([[0], [0]]);
    await session.release();
  });

  it('are given so by every session, which says so', async () => {
    const session = await openSession(encodeModel(sequences()));
    expect(session.changes.map(describeEdgeChange)[0]).toMatch(/'q' is a sequence.* q, q.sizes_1, q.ranks/);
    expect(session.outputNames).toHaveLength(7);
    await session.release();
  });
});

describe('ZipMap', () => {
  /** Scores x [n, 2] as they are, then maps. */
  function zipped(extra?: (b: GraphBuilder) => void): Model {
    const b = new GraphBuilder();
    const scores = b.node('Abs', [b.input('x', 'float32', ['n', 2])], {}, 1, { outputNames: ['scores'] });
    const labels = { classlabels_strings: strs(['no', 'yes']) };
    b.node('ZipMap', [scores], labels, 1, { domain: 'ai.onnx.ml', outputNames: ['maps'] });
    extra?.(b);
    const model = b.build({ opsets: { 'ai.onnx.ml': 3 } });
    const value: ValueType = { kind: 'tensor', dtype: 'float32', shape: [] };
    model.graph.outputs.unshift({
      name: 'maps',
      type: { kind: 'sequence', element: { kind: 'map', key: 'string', value } },
    });
    return model;
  }

  it('goes, and its output is the scores', async () => {
    const { model, removed } = withoutZipMap(zipped());
    expect(removed).toEqual([{ output: 'maps', labels: ['no', 'yes'] }]);
    expect(checkModel(model)).toEqual([]);
    const session = await createSession(encodeModel(model));
    const x = float32([2, 2], [0.25, -0.75, 1, 0]);
    expect((await session.run({ x }))['maps']).toEqual(float32([2, 2], [0.25, 0.75, 1, 0]));
    await session.release();
  });

  it('stays where something reads the maps, and a model without one is the same object', () => {
    const model = zipped((b) => b.output(b.node('SequenceLength', ['maps']), 'int64', []));
    expect(withoutZipMap(model)).toEqual({ model, removed: [] });
    expect(withoutZipMap(model).model).toBe(model);
    const plain = new GraphBuilder();
    plain.output(plain.node('Relu', [plain.input('x', 'float32', [1])]), 'float32', [1]);
    const built = plain.build();
    expect(carriedForm(built)).toEqual({ model: built, changes: [] });
    expect(carriedForm(built).model).toBe(built);
  });
});

it('finds the classes of a model that scikit-learn wrote', async () => {
  const cases = new URL('../../../../tests/classical/cases/', import.meta.url);
  const model = decodeModel(await readFile(new URL('knn.onnx', cases)));
  const { changes } = carriedForm(model);
  expect(changes).toMatchObject([{ kind: 'zipmap', labels: ['setosa', 'versicolor', 'virginica'] }]);
});
