import { describe, expect, it } from 'vitest';
import {
  float32,
  GraphBuilder,
  inferShapes,
  inferTypes,
  int,
  int64,
  ints,
  knownIntegers,
  OnnxError,
  str,
  valueTypes,
  type Dim,
  type InferOptions,
} from '../index.js';

/** The inferred shape of the value that `build` returns. */
function shapeOf(build: (b: GraphBuilder) => string, options?: InferOptions): readonly Dim[] | null | undefined {
  const b = new GraphBuilder();
  b.output(build(b), null, null);
  const type = inferShapes(b.build(), options).graph.outputs[0]!.type;
  return type?.kind === 'tensor' ? type.shape : undefined;
}

const image = (b: GraphBuilder): string => b.input('x', 'float32', ['batch', 3, 'height', 32]);
const weight = (b: GraphBuilder, dims: number[]): string =>
  b.constant(float32(dims, new Float32Array(dims.reduce((p, d) => p * d, 1))));

describe('shape inference', () => {
  it('carries symbolic sizes through a padded convolution of stride 1', () => {
    const conv = (b: GraphBuilder): string =>
      b.node('Conv', [image(b), weight(b, [8, 3, 3, 3])], { pads: ints([1, 1, 1, 1]) });
    expect(shapeOf(conv)).toEqual(['batch', 8, 'height', 32]);
    expect(shapeOf(conv, { dims: { batch: 4, height: 16 } })).toEqual([4, 8, 16, 32]);
  });

  it('gives up only on the sizes that it cannot know', () => {
    const strided = (b: GraphBuilder): string =>
      b.node('Conv', [image(b), weight(b, [8, 3, 3, 3])], { strides: ints([2, 2]), auto_pad: str('SAME_UPPER') });
    expect(shapeOf(strided)).toEqual(['batch', 8, null, 16]);
  });

  it('follows shapes that the graph computes', () => {
    const chain = (b: GraphBuilder): string => {
      const x = image(b);
      const shape = b.node('Shape', [x]);
      const batch = b.node('Gather', [shape, b.constant(int64([], [0]))]);
      const column = b.node('Unsqueeze', [batch, b.constant(int64([1], [0]))]);
      const rest = b.node('ReduceProd', [b.node('Slice', [shape, ...[1, 2].map((v) => b.constant(int64([1], [v])))])]);
      const target = b.node('Concat', [column, rest, b.constant(int64([1], [-1]))], { axis: int(0) });
      return b.node('Reshape', [x, target]);
    };
    expect(shapeOf(chain)).toEqual(['batch', 3, null]);
    expect(shapeOf(chain, { dims: { height: 10 } })).toEqual(['batch', 3, 320]);
  });

  it('cancels equal symbols when it flattens', () => {
    const flat = (b: GraphBuilder): string => {
      const x = b.input('x', 'float32', ['batch', 4, 5]);
      return b.node('Reshape', [x, b.constant(int64([2], [0, -1]))]);
    };
    expect(shapeOf(flat)).toEqual(['batch', 20]);
  });

  it('stores the types of intermediate values and leaves the given model alone', () => {
    const b = new GraphBuilder();
    const r = b.node('Relu', [image(b)]);
    const p = b.node('GlobalAveragePool', [r]);
    b.output(p, null, null);
    const model = b.build();
    const types = valueTypes(inferShapes(model).graph);
    expect(types.get(r)).toEqual({ kind: 'tensor', dtype: 'float32', shape: ['batch', 3, 'height', 32] });
    expect(types.get(p)).toEqual({ kind: 'tensor', dtype: 'float32', shape: ['batch', 3, 1, 1] });
    expect(model.graph.values.size).toBe(0);
  });

  const refused: [string, (b: GraphBuilder) => string][] = [
    ['channels of a convolution', (b) => b.node('Conv', [image(b), weight(b, [8, 4, 3, 3])])],
    ['inner sizes of a product', (b) => b.node('MatMul', [image(b), weight(b, [31, 2])])],
    ['shapes to broadcast', (b) => b.node('Add', [image(b), weight(b, [31])])],
    ['the number of elements of a reshape', (b) => b.node('Reshape', [weight(b, [6]), b.constant(int64([2], [4, 2]))])],
    ['an axis', (b) => b.node('Concat', [image(b)], { axis: int(4) })],
  ];
  it.each(refused)('refuses a contradiction in %s', (_, build) => {
    let error: unknown;
    try {
      shapeOf(build);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(OnnxError);
    expect((error as OnnxError).code).toBe('shape');
  });

  it('gives the whole numbers that follow from sizes, and no others', () => {
    const b = new GraphBuilder();
    const shape = b.node('Shape', [image(b)]);
    const channels = b.node('Gather', [shape, b.constant(int64([], [1]))]);
    const narrow = b.node('Cast', [channels], { to: int(6) });
    const half = b.node('Cast', [channels], { to: int(1) });
    b.output(b.node('Gather', [shape, b.constant(int64([1], [0]))]), null, null);
    const known = (dims?: Record<string, number>) => Object.fromEntries(knownIntegers(b.build(), { dims }));
    const numbers = { [channels]: int64([], [3]), [narrow]: { dtype: 'int32', dims: [], data: Int32Array.of(3) } };
    expect(known()).toEqual(numbers);
    const all = known({ batch: 2, height: 5 });
    expect(all[shape]).toEqual(int64([4], [2, 3, 5, 32]));
    expect(all[half]).toBeUndefined();
  });

  it('lets what follows from the inputs win over a declared output that contradicts it, and says so', () => {
    const b = new GraphBuilder();
    b.output(b.node('Relu', [image(b)], {}, 1, { outputNames: ['y'] }), 'float32', ['batch', 4, 'height', 32]);
    const { model, claims } = inferTypes(b.build());
    const type = { kind: 'tensor', dtype: 'float32', shape: ['batch', 3, 'height', 32] };
    expect(model.graph.outputs[0]!.type).toEqual(type);
    const message = '"y" (Relu) is declared float32[batch,4,height,32], but is float32[batch,3,height,32]';
    expect(claims).toEqual([{ kind: 'contradicted', value: 'y', message }]);
    expect(inferShapes(b.build(), { fresh: true }).graph.outputs[0]!.type).toEqual(type);
  });
});
