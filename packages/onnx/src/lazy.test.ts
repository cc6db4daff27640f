import { expect, it } from 'vitest';
import {
  encodedBytes,
  encodeModel,
  encodePieces,
  float32,
  GraphBuilder,
  lazyTensor,
  saveExternalData,
  type Model,
  type Tensor,
} from './index.js';

const LENGTH = 2 ** 15;
const ramp = (from: number): Float32Array => Float32Array.from({ length: LENGTH }, (_, i) => from + i);

function net(weight: (from: number) => Tensor): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [LENGTH]);
  b.output(b.node('Sum', [x, b.initializer('v', weight(1)), b.initializer('w', weight(2))]), 'float32', [LENGTH]);
  return b.build();
}

/** The same model with tensors that say when they are made. */
function lazyNet(): { model: Model; made: number[] } {
  const made: number[] = [];
  const model = net((from) =>
    lazyTensor('float32', [LENGTH], () => {
      made.push(from);
      return ramp(from);
    }),
  );
  return { model, made };
}

const held = net((from) => float32([LENGTH], ramp(from)));

it('a lazy tensor is written as any other, one when its turn comes', () => {
  const { model, made } = lazyNet();
  const seen: number[] = [];
  const pieces: Uint8Array[] = [];
  for (const piece of encodePieces(model)) {
    if (piece.length >= 4 * LENGTH) seen.push(made.length);
    pieces.push(piece);
  }
  expect(seen).toEqual([1, 2]);
  expect(made).toEqual([1, 2]);
  // Matchers take their time over so many elements.
  const bytes = encodeModel(held);
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  expect(Buffer.from(encodeModel(lazyNet().model)).equals(bytes)).toBe(true);
});

it('a lazy tensor is counted without being made', () => {
  const { model, made } = lazyNet();
  expect(encodedBytes(model)).toBe(encodeModel(held).byteLength);
  expect(made).toEqual([]);
});

it('a lazy tensor goes into a file beside the model, and two of them to two places', async () => {
  const { model } = lazyNet();
  const files = [model, held].map(() => [] as Uint8Array[]);
  const [lazy, plain] = await Promise.all(
    [model, held].map((m, i) =>
      saveExternalData(m, { location: 'w' }, ({ bytes }) => void files[i]!.push(bytes.slice())),
    ),
  );
  expect(encodeModel(lazy!)).toEqual(encodeModel(plain!));
  expect(Buffer.concat(files[0]!).equals(Buffer.concat(files[1]!))).toBe(true);
});

it('a tensor that is still in memory is not made again', () => {
  let made = 0;
  const tensor = lazyTensor('float32', [2], () => Float32Array.of(++made, 0));
  const first = tensor.data;
  expect(tensor.data).toBe(first);
  expect({ ...tensor }.data).toBe(first);
  expect(made).toBe(1);
});
