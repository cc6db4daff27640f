/** Memory that the vectors of a state take turns in. */
import type { TrainingState } from '../state.js';

/**
 * Two buffers for each vector that a step replaces. The executor reads the ones that hold the state and writes the others,
 * since nothing may be read and written in one run. The vectors that the state began with are the first of each two; vectors that somebody
 * else has put into the state are read, never written.
 */
export class TurningBuffers {
  /** What may be written. */
  readonly #own = new WeakSet<Float32Array>();
  /** What was given to be written last, and what the state held then. */
  readonly #given = new Map<string, Float32Array>();
  readonly #held = new Map<string, Float32Array>();

  constructor(
    private readonly state: TrainingState,
    private readonly names: readonly string[] = state.stepped,
  ) {
    for (const vector of state.initial.values()) this.#own.add(vector);
  }

  /** A buffer that the state does not hold now, by vector. */
  free(): ReadonlyMap<string, Float32Array> {
    return new Map(this.names.map((name) => [name, this.#freeFor(name)]));
  }

  #freeFor(name: string): Float32Array {
    const now = this.state.vectors.get(name)!;
    const usable = (vector: Float32Array | undefined): vector is Float32Array =>
      vector !== undefined && vector !== now && this.#own.has(vector);
    // After a step what the state held before it is free, after one that failed what was given to it.
    const known = [this.#given.get(name), this.#held.get(name), this.state.initial.get(name)];
    const free = known.find(usable) ?? new Float32Array(now.length);
    this.#own.add(free);
    this.#given.set(name, free);
    this.#held.set(name, now);
    return free;
  }
}
