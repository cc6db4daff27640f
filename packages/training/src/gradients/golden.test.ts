/** Single operators against PyTorch in double precision (goldens/gradients.py writes the values). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  type Attribute,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import type { Forward } from '../forward.js';
import { joinPairs } from '../lowering/quantised-pairs.js';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import type { Mode } from './row.js';

interface StoredTensor {
  readonly dtype: 'float32' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

type StoredAttribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string };

interface Golden {
  readonly op: string;
  readonly opset: number;
  readonly mode: Mode;
  readonly attributes: Readonly<Record<string, StoredAttribute>>;
  readonly inputs: readonly (StoredTensor | null)[];
  readonly outputs: number;
  readonly seed: readonly number[];
  readonly y: { readonly dims: readonly number[]; readonly data: readonly number[] };
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

interface Quantized {
  readonly dtype: 'int8' | 'uint8';
  readonly axis: number | null;
  /** Elements of a block; 0 without blocks. */
  readonly block: number;
  readonly x: StoredTensor;
  readonly scale: StoredTensor;
  readonly zeros: readonly number[];
  readonly seed: readonly number[];
  readonly y: readonly number[];
  readonly gradients: { readonly x: readonly number[]; readonly scale: readonly number[] };
}

function load<T>(topic: string): readonly T[] {
  const file = new URL(`../../goldens/gradients-${topic}.golden.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly T[];
}

function tensorOf({ dtype, dims, data }: StoredTensor): Tensor {
  if (dtype === 'float32') return float32(dims, data);
  return dtype === 'int64' ? int64(dims, data) : { dtype, dims, data: Uint8Array.from(data) };
}

function attributeOf(a: StoredAttribute): Attribute {
  if (a.kind === 'ints') return ints(a.value);
  if (a.kind === 'string') return str(a.value);
  return a.kind === 'int' ? int(a.value) : float(a.value);
}

/** The largest difference, relative to the largest element. */
function relativeError(got: Tensor | undefined, want: readonly number[]): number {
  const values = got?.data as Float32Array;
  expect(values.length).toBe(want.length);
  const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
  return want.reduce((m, v, i) => Math.max(m, Math.abs(values[i]! - v)), 0) / scale;
}

/** Runs a model with its vector-Jacobian products and holds all of it to the stored values. */
async function check(
  b: GraphBuilder,
  options: { opset?: number; mode?: Mode; lower?: (forward: Forward) => Forward },
  feeds: Record<string, Tensor>,
  seed: Tensor,
  want: Readonly<Record<string, readonly number[]>>,
  tolerance: number,
): Promise<void> {
  const wrt = Object.keys(want).flatMap((name) => (name === OUTPUT ? [] : [name.slice('gradient.'.length)]));
  const graph = buildVectorJacobianModel(b.build({ opset: options.opset }), {
    wrt,
    mode: options.mode,
    lower: options.lower,
  });
  const session = await createSession(encodeModel(graph), { optimization: 'extended' });
  try {
    const known = session.inputNames.includes('seed') ? { ...feeds, seed } : feeds;
    const out = await session.run(known);
    expect(out[OUTPUT]!.dims).toEqual(seed.dims);
    for (const [name, values] of Object.entries(want)) {
      expect(relativeError(out[name], values), name).toBeLessThan(tolerance);
    }
  } finally {
    await session.release();
  }
}

const topics = ['elementwise', 'activations', 'linear', 'pooling', 'normalization', 'reduction', 'layout', 'indexing'];

describe.each(topics)('forward and gradient against PyTorch: %s', (topic) => {
  load<Golden>(topic).forEach((golden, i) => {
    it(`${i}: ${golden.op}`, async () => {
      const b = new GraphBuilder();
      const feeds: Record<string, Tensor> = {};
      const names = golden.inputs.map((stored, k) => {
        if (stored === null) return '';
        if (stored.dtype !== 'float32') return b.initializer(`x${k}`, tensorOf(stored));
        feeds[`x${k}`] = tensorOf(stored);
        return b.input(`x${k}`, 'float32', stored.dims);
      });
      const attributes = Object.fromEntries(Object.entries(golden.attributes).map(([n, a]) => [n, attributeOf(a)]));
      const outputNames = Array.from({ length: golden.outputs }, (_, k) => `y${k}`);
      b.node(golden.op, names, attributes, golden.outputs, { outputNames });
      b.output('y0', 'float32', null);
      const gradients = Object.entries(golden.gradients).map(([k, values]) => [`gradient.x${k}`, values] as const);
      const want = { [OUTPUT]: golden.y.data, ...Object.fromEntries(gradients) };
      await check(b, golden, feeds, float32(golden.y.dims, golden.seed), want, 1e-5);
    });
  });
});

describe('quantisation with a straight-through gradient against PyTorch', () => {
  load<Quantized>('quantization').forEach((golden, i) => {
    const along = golden.axis === null ? '' : ` along axis ${golden.axis}`;
    it.each([
      ['apart', undefined],
      ['as one operator', (forward: Forward) => joinPairs(forward, new Set())],
    ])(`${i}: ${golden.dtype}${along}${golden.block ? ' in blocks' : ''} %s`, async (_how, lower) => {
      const b = new GraphBuilder();
      const { dims } = golden.scale;
      const feeds = { x: tensorOf(golden.x), scale: tensorOf(golden.scale) };
      const names = [b.input('x', 'float32', golden.x.dims), b.input('scale', 'float32', dims)];
      const zero: Tensor =
        golden.dtype === 'int8'
          ? { dtype: 'int8', dims, data: Int8Array.from(golden.zeros) }
          : { dtype: 'uint8', dims, data: Uint8Array.from(golden.zeros) };
      const point = b.constant(zero);
      const attributes = {
        ...(golden.axis === null ? {} : { axis: int(golden.axis) }),
        ...(golden.block ? { block_size: int(golden.block) } : {}),
      };
      const level = b.node('QuantizeLinear', [...names, point], attributes);
      b.output(b.node('DequantizeLinear', [level, 'scale', point], attributes), 'float32', null);
      const want = { [OUTPUT]: golden.y, 'gradient.x': golden.gradients.x, 'gradient.scale': golden.gradients.scale };
      // PyTorch quantises in single precision, and the scale's gradient is a sum whose terms cancel.
      await check(b, { lower }, feeds, float32(golden.x.dims, golden.seed), want, 1e-4);
    });
  });
});
