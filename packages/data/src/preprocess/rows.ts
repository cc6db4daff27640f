import type { Preprocess } from '@verge/contracts';
import type { Elements } from '../samples.js';
import { preprocessArray } from './pipeline.js';

/**
 * Preprocesses rows of arrays.
 * @param x rows of `shape`, row-major, one after the other
 * @returns as many rows of `pipeline.output.shape`
 * @throws DataError `shape-mismatch`
 */
export function preprocessRows(
  pipeline: Preprocess,
  x: Elements,
  shape: readonly number[],
  signal?: AbortSignal,
): Elements {
  const size = shape.reduce((a, b) => a * b, 1);
  const count = size === 0 ? 0 : x.length / size;
  const outSize = pipeline.output.shape.reduce((a, b) => a * b, 1);
  const length = count * outSize;
  const out = pipeline.output.dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  for (let i = 0; i < count; i++) {
    if (i % 1024 === 0) signal?.throwIfAborted();
    out.set(preprocessArray(pipeline, x.subarray(i * size, (i + 1) * size)), i * outSize);
  }
  return out;
}
