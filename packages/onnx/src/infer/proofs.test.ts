import { describe, expect, it } from 'vitest';
import { float32, GraphBuilder, inferShapes, int, int64, ints, provenTypes, type Dim, type Model } from '../index.js';

const strided = { strides: ints([2, 2]), kernel_shape: ints([3, 3]) };

/** A convolution whose result is of a size that nothing says, and what `then` makes of it. */
function model(then: (b: GraphBuilder, y: string) => string): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [1, 1, 8, 'width']);
  const y = b.node('Conv', [x, b.constant(float32([4, 1, 3, 3], new Float32Array(36)))], strided);
  b.output(then(b, y), null, null);
  return b.build();
}

function proven(made: Model): readonly Dim[] | null | undefined {
  const type = provenTypes(made).get(made.graph.outputs[0]!.name);
  return type?.kind === 'tensor' ? type.shape : undefined;
}

const vector = (b: GraphBuilder, values: number[]): string => b.constant(int64([values.length], values));

describe('what is proven', () => {
  it('names a size that nothing says, so that it is the same wherever it goes', () => {
    const columns = (b: GraphBuilder, y: string): string => b.node('Transpose', [y], { perm: ints([3, 0, 1, 2]) });
    const [first, ...rest] = proven(model((b, y) => b.node('Relu', [columns(b, y)])))!;
    expect([typeof first, ...rest]).toEqual(['string', 1, 4, 3]);
    const merged = model((b, y) => b.node('Reshape', [columns(b, y), vector(b, [0, 0, -1])]));
    expect(proven(merged)).toEqual([expect.any(String), 1, 12]);
    // A file gets no such name.
    const told = inferShapes(merged).graph.outputs[0]!.type;
    expect(told?.kind === 'tensor' && told.shape).toEqual([null, 1, 12]);
  });

  it('takes a size for no number below 0', () => {
    const expanded = model((b, y) => {
      const shape = b.node('Shape', [y]);
      const minus = vector(b, [-1, -1, -1, -1]);
      const chosen = b.node('Where', [b.node('Equal', [shape, minus]), vector(b, [1, 1, 1, 1]), shape]);
      const never = b.node('Cast', [b.node('Less', [shape, minus])], { to: int(7) });
      return b.node('Expand', [b.node('Relu', [y]), b.node('Add', [chosen, never])]);
    });
    expect(proven(expanded)).toEqual([1, 4, 3, expect.any(String)]);
  });

  it('divides what is left over by numbers where a size stays open', () => {
    const made = model((b, y) => b.node('Reshape', [y, vector(b, [2, -1, 6])]));
    expect(proven(made)).toEqual([2, expect.any(String), 6]);
    const odd = model((b, y) => b.node('Reshape', [y, vector(b, [5, -1])]));
    expect(proven(odd)).toEqual([5, expect.any(String)]);
  });
});
