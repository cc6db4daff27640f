import { describe, expect, it } from 'vitest';
import {
  float32,
  GraphBuilder,
  inferTypes,
  int64,
  ints,
  knownIntegers,
  provenTypes,
  tensorInfo,
  type Dim,
  type Model,
  type ValueType,
} from '../index.js';

/** x of these sizes through `body`, its result declared as `declared`. */
function model(sizes: Dim[], declared: Dim[] | null, body: (b: GraphBuilder, x: string) => string): Model {
  const b = new GraphBuilder();
  b.output(body(b, b.input('x', 'float32', sizes)), 'float32', declared);
  return b.build({ opsets: { 'com.example': 1 } });
}

const shape = (type: ValueType | null | undefined): readonly Dim[] | null | undefined =>
  type?.kind === 'tensor' ? type.shape : undefined;
const relu = (b: GraphBuilder, x: string): string => b.node('Relu', [x]);
const custom = (b: GraphBuilder, x: string): string => b.node('Thing', [x], {}, 1, { domain: 'com.example' });

describe('what is proven and what is claimed', () => {
  it('a name that two sizes of an input bear does not make them equal', () => {
    const m = model(['?', '?'], null, (b, x) => b.node('Transpose', [x], { perm: ints([1, 0]) }));
    const [output] = m.graph.outputs;
    expect(shape(provenTypes(m).get(output!.name))).toEqual(['x[1]', 'x[0]']);
    // A report and a file call them as the file does.
    expect(shape(inferTypes(m).model.graph.outputs[0]!.type)).toEqual(['?', '?']);
  });

  it('sizes without a name are sizes all the same', () => {
    const m = model([null, 3], null, relu);
    expect(shape(provenTypes(m).get(m.graph.outputs[0]!.name))).toEqual(['x[0]', 3]);
    expect(shape(inferTypes(m).model.graph.outputs[0]!.type)).toEqual([null, 3]);
  });

  it('a number that is declared where the input leaves the size open holds at that size alone', () => {
    const m = model(['batch', 3], [1, 3], relu);
    const { model: typed, claims } = inferTypes(m);
    expect(shape(typed.graph.outputs[0]!.type)).toEqual(['batch', 3]);
    expect(claims.map((c) => c.kind)).toEqual(['narrower']);
    expect(claims[0]!.message).toContain('is declared float32[1,3], but follows open sizes: float32[batch,3]');
  });

  it('of an operator that nothing is known of the claim stays a claim, its element type apart', () => {
    const m = model([2, 3], [2, 3], (b, x) => b.node('Neg', [custom(b, x)]));
    const [made] = m.graph.nodes[0]!.outputs;
    m.graph.values.set(made!, tensorInfo(made!, 'float32', [2, 3]));
    const { model: typed, claims } = inferTypes(m);
    expect([shape(typed.graph.values.get(made!)?.type), claims]).toEqual([[2, 3], []]);
    expect(provenTypes(m).get(made!)).toEqual({ kind: 'tensor', dtype: 'float32', shape: null });
    expect(provenTypes(m).get(m.graph.outputs[0]!.name)).toEqual({ kind: 'tensor', dtype: 'float32', shape: null });
  });

  it('claims that do not fit together are reported, and what is proven remains', () => {
    const m = model([2, 3], null, (b, x) => {
      const thing = custom(b, x);
      b.graph.values.set(thing, tensorInfo(thing, 'float32', [5, 4]));
      return b.node('MatMul', [thing, b.constant(float32([3, 7], new Float32Array(21)))]);
    });
    const { model: typed, claims } = inferTypes(m);
    expect(claims[0]!.message).toMatch(/what the file declares does not fit: MatMul/);
    expect(typed.graph.outputs[0]!.type).toMatchObject({ dtype: 'float32', shape: null });
  });

  it('what inputs contradict is an error, whatever is declared', () => {
    const m = model([2, 3], [2, 7], (b, x) => b.node('MatMul', [x, b.constant(float32([4, 7], new Float32Array(28)))]));
    expect(() => inferTypes(m)).toThrow(/MatMul/);
    expect(() => provenTypes(m)).toThrow(/MatMul/);
  });

  it('a default that a caller may override proves nothing; before IR version 4 it is a constant', () => {
    const m = model([6], null, (b, x) => b.node('Reshape', [x, b.initializer('shape', int64([2], [2, 3]))]));
    m.graph.inputs.push(tensorInfo('shape', 'int64', [2]));
    const y = m.graph.outputs[0]!.name;
    expect(shape(provenTypes(m).get(y))).toEqual([`${y}[0]`, `${y}[1]`]);
    expect(shape(provenTypes({ ...m, irVersion: 3 }).get(y))).toEqual([2, 3]);
    expect(shape(inferTypes(m).model.graph.outputs[0]!.type)).toEqual([2, 3]);
  });

  it('numbers that only a claim would give are not known', () => {
    const m = model([2, 3], null, (b, x) => {
      const thing = custom(b, x);
      b.graph.values.set(thing, tensorInfo(thing, 'float32', [5, 4]));
      return b.node('Cast', [b.node('Shape', [thing])], { to: { kind: 'int', value: 1n } });
    });
    expect(knownIntegers(m).size).toBe(0);
  });
});
