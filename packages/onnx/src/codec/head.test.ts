import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../builder.js';
import { externalLocations, readExternalData } from '../external.js';
import type { Model } from '../ir.js';
import { float32 } from '../tensor.js';
import { modelHead } from './head.js';
import { decodeModel, encodeModel, encodePieces } from './model.js';
import { concat } from './wire.js';

/** Two large weights, a small one, and a large one in a node. */
function dense(): Model {
  const weights = (n: number, from: number): Float32Array =>
    Float32Array.from({ length: n }, (_, i) => Math.sin(from + i));
  const b = new GraphBuilder();
  let x = b.input('x', 'float32', ['n', 256]);
  for (const i of [0, 1]) x = b.node('MatMul', [x, b.initializer(`w${i}`, float32([256, 256], weights(65_536, i)))]);
  b.output(b.node('Add', [x, b.initializer('b', float32([256], weights(256, 9)))]), 'float32', ['n', 256]);
  return { ...b.build(), producerName: 'test', metadata: new Map([['key', 'value']]) };
}

const part =
  (bytes: Uint8Array) =>
  (offset: number, length: number): Uint8Array =>
    bytes.subarray(offset, offset + length);

describe('the head of a model file', () => {
  it('describes the model, and its large tensors are external data of the file itself', async () => {
    const bytes = encodeModel(dense());
    let read = 0;
    const head = modelHead(
      (offset, length) => ((read += length), part(bytes)(offset, length)),
      bytes.length,
      'm.onnx',
    )!;
    expect(head.length).toBeLessThan(4000);
    expect(read).toBeLessThan(40_000);
    const model = decodeModel(head);
    expect(externalLocations(model)).toEqual(['m.onnx']);
    const whole = await readExternalData(model, (_, offset, length) => part(bytes)(offset, length));
    expect(Buffer.from(encodeModel(whole)).equals(bytes)).toBe(true);
  });

  it('is not there for a file without large tensors, and for what is no model', () => {
    const small = encodeModel({ ...dense(), graph: { ...dense().graph, initializers: new Map() } });
    expect(modelHead(part(small), small.length, 'm.onnx')).toBeNull();
    const bytes = encodeModel(dense());
    expect(modelHead(part(bytes.subarray(0, 200_000)), 200_000, 'm.onnx')).toBeNull();
    expect(modelHead(part(bytes.subarray(0, 200_000)), bytes.length, 'm.onnx')).toBeNull();
    const noise = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251);
    expect(modelHead(part(noise), noise.length, 'm.onnx')).toBeNull();
  });
});

describe('a model in pieces', () => {
  it('is the message, and large tensors are not copied', () => {
    const model = dense();
    const pieces = [...encodePieces(model)];
    expect(Buffer.from(concat(pieces)).equals(encodeModel(model))).toBe(true);
    const { value } = model.graph.initializers.get('w1')!;
    const data = 'data' in value ? (value.data as Float32Array) : new Float32Array();
    expect(pieces.some((piece) => piece.buffer === data.buffer)).toBe(true);
  });

  it('has the right lengths where the size of a message was guessed wrong', () => {
    const b = new GraphBuilder();
    const value = float32([256, 256], new Float32Array(65_536).fill(3));
    // The tensor of an attribute: nothing says beforehand how long the node becomes.
    const constant = b.node('Constant', [], { value: { kind: 'tensor', value: { name: 'c', value } } });
    b.output(b.node('MatMul', [b.input('x', 'float32', ['n', 256]), constant]), 'float32', ['n', 256]);
    const model = b.build();
    expect(Buffer.from(concat([...encodePieces(model)])).equals(encodeModel(model))).toBe(true);
    expect(decodeModel(concat([...encodePieces(model)]))).toEqual(decodeModel(encodeModel(model)));
  });
});
