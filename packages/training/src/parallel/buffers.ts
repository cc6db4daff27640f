/** Memory that the vectors of a state take turns in. */
import type { TrainingState } from '../state.js';

/**
 * Two buffers for each vector that a step replaces. The executor reads the ones that hold the state and writes the others,
 * since nothing may be read and written in one run. Vectors that somebody else has put into the state are read, never written.
 */
export class TurningBuffers {
  readonly #pair: readonly [Map<string, Float32Array>, Map<string, Float32Array>];

  constructor(
    private readonly state: TrainingState,
    private readonly names: readonly string[] = state.stepped,
  ) {
    const made = (): Map<string, Float32Array> =>
      new Map(names.map((name) => [name, new Float32Array(state.vectors.get(name)!.length)]));
    this.#pair = [made(), made()];
  }

  /** Those that the state does not hold now, by vector. */
  free(): ReadonlyMap<string, Float32Array> {
    const [first, second] = this.#pair;
    return this.names.some((name) => this.state.vectors.get(name) === first.get(name)) ? second : first;
  }
}
