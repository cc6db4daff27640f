/** For tests: a model of three inputs, and a data set of NPY files that it reads two of them from. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32, GraphBuilder, int64, type Model } from '@verge/onnx';

function npy(descr: string, dims: readonly number[], values: ArrayBufferView): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims.join(', ')},), }`.padEnd(117) + '\n';
  const head = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, text.length, 0])]);
  return Buffer.concat([head, Buffer.from(text), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

/** Which of four numbers counts is said by the mask; the label is whether it is above 0. */
function samples(count: number, seed: number): { x: Float32Array; mask: Uint8Array; y: Uint8Array } {
  let state = seed;
  const next = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
  const x = Float32Array.from({ length: 4 * count }, () => (next() < 0.5 ? -1 : 1) * (0.5 + next()));
  const [mask, y] = [new Uint8Array(4 * count), new Uint8Array(count)];
  for (let i = 0; i < count; i++) {
    const at = 4 * i + Math.floor(next() * 4);
    mask[at] = 1;
    y[i] = x[at]! > 0 ? 1 : 0;
  }
  return { x, mask, y };
}

/** Outputs: the masked numbers, and two logits of them. */
export function masked(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 4]);
  const mask = b.node('Cast', [b.input('mask', 'bool', ['n', 4])], { to: { kind: 'int', value: 1n } });
  const scale = b.node('Cast', [b.input('scale', 'int64', ['one'])], { to: { kind: 'int', value: 1n } });
  const kept = b.node('Mul', [b.node('Mul', [x, mask]), b.node('Reshape', [scale, b.constant(int64([1], [1]))])]);
  b.output(kept, 'float32', ['n', 4]);
  const w = b.initializer('w', float32([4, 2], [0.1, -0.1, 0, 0.1, -0.1, 0, 0.1, 0.1]));
  b.output(b.node('Gemm', [kept, w, b.initializer('b', float32([2], [0, 0]))]), 'float32', ['n', 2]);
  return b.build();
}

/** Writes parts of 400 and 100 samples into a new folder: x, mask and y. */
export async function writeMasked(data: string): Promise<void> {
  await mkdir(data);
  for (const [part, count, seed] of [
    ['train', 400, 3],
    ['test', 100, 5],
  ] as const) {
    const { x, mask, y } = samples(count, seed);
    await writeFile(join(data, `x_${part}.npy`), npy('<f4', [count, 4], x));
    await writeFile(join(data, `mask_${part}.npy`), npy('|u1', [count, 4], mask));
    await writeFile(join(data, `y_${part}.npy`), npy('|u1', [count], y));
  }
}
