/** The vectors of a state under the names that a step graph has for them: whole, or in segments. */
import { float32, type Tensor } from '@verge/onnx';
import type { Segment } from '../segments.js';
import type { StepInput, TrainingState } from '../state.js';
import { MASK, STATISTICS } from '../step-parts.js';
import { vector } from './stepper.js';

export class NamedVectors {
  constructor(
    private readonly state: TrainingState,
    private readonly segments: readonly Segment[],
  ) {}

  /** Running statistics are never cut. */
  #named(name: string, data: Float32Array): [string, Tensor][] {
    if (this.segments.length === 0 || name === STATISTICS) return [[name, vector(data)]];
    return this.segments.map((s) => [name + s.suffix, float32(s.shape, data.subarray(s.from, s.to))]);
  }

  /** Tensors over the given vectors of the state. */
  pieces(vectors: ReadonlyMap<string, Float32Array>): [string, Tensor][] {
    return [...vectors].flatMap(([name, data]) => this.#named(name, data));
  }

  /** All that a step reads. */
  feeds(input: StepInput): Record<string, Tensor> {
    const { state } = this;
    const flat = state.feeds(input);
    if (this.segments.length === 0) return flat;
    const cut = new Set([...state.stepped, MASK].filter((name) => name in flat && name !== STATISTICS));
    const feeds = Object.fromEntries(Object.entries(flat).filter(([name]) => !cut.has(name)));
    const read = new Map([...cut].map((name) => [name, name === MASK ? state.mask! : state.vectors.get(name)!]));
    return { ...feeds, ...Object.fromEntries(this.pieces(read)) };
  }
}
