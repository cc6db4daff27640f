/** Test support: random constants, and the numbers that a model gives on ONNX Runtime. */
import { createSession } from '../conformance/executor.js';
import { expect } from 'vitest';
import { GraphBuilder, type BuildOptions } from '../builder.js';
import { encodeModel } from '../codec/model.js';
import type { Dim, Model } from '../ir.js';
import { inferShapes } from '../infer/index.js';
import { compareModels, type Tolerance } from '../simplify/compare.js';
import { generator, type FeedOptions } from '../simplify/feeds.js';
import { elementCount, float32, type DataType, type Tensor } from '../tensor.js';
import { rewrite, type Rewritten, type Rule } from './rewrite.js';

/** Uniform in [-1, 1). */
export function randomTensor(dims: readonly number[], seed = 1): Tensor & { dtype: 'float32' } {
  const next = generator(seed);
  return float32(
    dims,
    Float32Array.from({ length: elementCount(dims) }, () => next() * 2 - 1),
  );
}

/** The first output of a model on one input. */
export async function outputOf(model: Model, x: Tensor): Promise<Float32Array> {
  const session = await createSession(encodeModel(model));
  try {
    const outputs = await session.run({ [session.inputNames[0]!]: x });
    return outputs[session.outputNames[0]!]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
}

/** A model of one input x, of what `body` puts after it. */
export function network(
  shape: readonly Dim[],
  body: (b: GraphBuilder, x: string) => string,
  options: BuildOptions & { dtype?: DataType } = {},
): Model {
  const b = new GraphBuilder();
  const x = b.input('x', options.dtype ?? 'float32', shape);
  b.output(body(b, x), null, null);
  // ONNX Runtime wants the element types of outputs.
  return inferShapes(b.build(options));
}

export const ops = (model: Model): string[] => model.graph.nodes.map((node) => node.op);

/** Applies rules to a model with inferred shapes. */
export const rewritten = (model: Model, rules: readonly Rule[]): Rewritten => rewrite(inferShapes(model), rules);

/** Expects both models to give the same numbers on random inputs, ONNX Runtime's own rewriting switched off. */
export async function expectSameNumbers(a: Model, b: Model, tolerance: Tolerance, feeds?: FeedOptions): Promise<void> {
  const options = { runs: 2, tolerance, optimization: 'disabled' as const, ...feeds };
  const { within } = await compareModels(a, b, createSession, options);
  expect(within).toBe(true);
}

/** No rounding may move. */
export const EXACT: Tolerance = { absolute: 0, relative: 0 };
