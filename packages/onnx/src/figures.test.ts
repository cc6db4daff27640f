import { expect, it } from 'vitest';
import { GraphBuilder } from './builder.js';
import { figuresOf } from './figures.js';
import type { Model } from './ir.js';
import { float32 } from './tensor.js';

/** A dense layer of 3 to 5 over the last axis of [batch, steps, 3]. */
function dense(batch: number | string, steps: number | string | null): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [batch, steps, 3]);
  b.output(b.node('MatMul', [x, b.initializer('w', float32([3, 5], new Float32Array(15)))]), 'float32', null);
  return b.build();
}

it('counts multiply-accumulates of one sample, whatever the batch', () => {
  expect(figuresOf(dense('n', 4))).toEqual({ parameters: 15, macs: 4 * 15 });
  expect(figuresOf(dense(8, 4))).toEqual({ parameters: 15, macs: 4 * 15 });
});

it('takes open sizes from the samples, or as they are given', () => {
  const samples = { x: [7, 3] };
  expect(figuresOf(dense('n', 't'), { samples }).macs).toBe(7 * 15);
  expect(figuresOf(dense('n', null), { samples }).macs).toBe(7 * 15);
  expect(figuresOf(dense('n', 't'), { samples, dims: { t: 2 } }).macs).toBe(2 * 15);
  expect(figuresOf(dense('n', 't')).macs).toBe(15);
});

it('does not take the length of one signal for a batch', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [6]);
  b.output(b.node('MatMul', [x, b.initializer('w', float32([6, 2], new Float32Array(12)))]), 'float32', [2]);
  expect(figuresOf(b.build())).toEqual({ parameters: 12, macs: 12 });
});
