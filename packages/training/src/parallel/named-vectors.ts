/** The vectors of a state under the names that a step graph has for them: whole, or in segments. */
import { float32, type Tensor } from '@verge/onnx';
import type { Segment } from '../segments.js';
import { STATISTICS } from '../step-parts.js';
import { vector } from './stepper.js';

export class NamedVectors {
  constructor(private readonly segments: readonly Segment[]) {}

  /** Running statistics are never cut. */
  #named(name: string, data: Float32Array): [string, Tensor][] {
    if (this.segments.length === 0 || name === STATISTICS) return [[name, vector(data)]];
    return this.segments.map((s) => [name + s.suffix, float32(s.shape, data.subarray(s.from, s.to))]);
  }

  /** Tensors over the given vectors. */
  pieces(vectors: ReadonlyMap<string, Float32Array>): [string, Tensor][] {
    return [...vectors].flatMap(([name, data]) => this.#named(name, data));
  }
}
