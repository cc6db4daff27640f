/** Small models for the tests of this package. */
import { encodeModel, float32, GraphBuilder, int, type DataType } from '@verge/onnx';

/** y = x + 1 for x [N, 3]. */
export function addOne(amount = 1): Uint8Array {
  const b = new GraphBuilder();
  b.input('x', 'float32', ['N', 3]);
  b.initializer('one', float32([1], [amount]));
  b.node('Add', ['x', 'one'], {}, 1, { outputNames: ['y'] });
  b.output('y', 'float32', ['N', 3]);
  return encodeModel(b.build());
}

/** y = x for any element type, [N]. */
export function identity(dtype: DataType): Uint8Array {
  const b = new GraphBuilder();
  b.input('x', dtype, ['N']);
  b.node('Identity', ['x'], {}, 1, { outputNames: ['y'] });
  b.output('y', dtype, ['N']);
  return encodeModel(b.build());
}

/** Scores of three classes are the three inputs themselves. */
export function passThrough(batch: number | string): Uint8Array {
  const b = new GraphBuilder();
  b.input('x', 'float32', [batch, 3]);
  b.node('Softmax', ['x'], { axis: int(-1) }, 1, { outputNames: ['scores'] });
  b.output('scores', 'float32', [batch, 3]);
  return encodeModel(b.build());
}

/** A model whose run takes `steps` multiplications of [size, size]. */
export function slow(size: number, steps: number): Uint8Array {
  const b = new GraphBuilder();
  let value = b.input('x', 'float32', [size, size]);
  for (let i = 0; i < steps; i++) value = b.node('MatMul', [value, 'x']);
  b.output(value, 'float32', [size, size]);
  return encodeModel(b.build());
}
