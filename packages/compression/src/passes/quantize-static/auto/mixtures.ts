/** Which nodes stay in float32 so that the whole runs fastest, as the times of single kernels foretell. */
import type { LatencyModel } from './latency.js';

export type Kept = ReadonlySet<number>;

export interface Mixture {
  readonly keep: Kept;
  /** Milliseconds, as foretold. */
  readonly predictedMs: number;
}

/** Places that a cut between float32 and int8 is tried at. */
const CUTS = 96;
/** Nodes that are flipped one by one, those whose two times differ most. */
const FLIPS = 96;
const ROUNDS = 4;
/** Of plans that start in float32, so many are measured. */
const HEADS = 4;
/** Of two plans that take as long but for this share, that of fewer bytes is better. */
const TIE = 0.003;

export class Mixtures {
  readonly #model: LatencyModel;
  readonly #units: readonly number[];
  readonly #bytes: ReadonlyMap<number, number>;
  readonly #total: number;
  readonly #scale: number;

  /** @param bytes of each unit's weights in float32, in the order of the network */
  constructor(model: LatencyModel, bytes: ReadonlyMap<number, number>) {
    this.#model = model;
    this.#bytes = bytes;
    this.#units = [...bytes.keys()];
    this.#total = Math.max(
      1,
      [...bytes.values()].reduce((a, b) => a + b, 0),
    );
    this.#scale = model.predict(new Set());
  }

  /**
   * Plans worth measuring as a whole, the best first: that of the least time, and the best few of those whose float32 nodes lie at the two
   * ends of the network, which convert least and hardest err.
   */
  best(): Mixture[] {
    const heads = this.#heads();
    const ends = this.#withTail(heads[0] as Mixture);
    return [this.#improved(ends), ends, ...heads.slice(0, HEADS)];
  }

  #mixture(keep: Kept): Mixture {
    return { keep, predictedMs: this.#model.predict(keep) };
  }

  #score({ keep, predictedMs }: Mixture): number {
    const floats = [...keep].reduce((sum, unit) => sum + (this.#bytes.get(unit) ?? 0), 0);
    return predictedMs + TIE * this.#scale * (floats / this.#total);
  }

  #better(a: Mixture, b: Mixture): Mixture {
    return this.#score(b) < this.#score(a) ? b : a;
  }

  /** Plans that start in float32, the best first. */
  #heads(): Mixture[] {
    const units = this.#units;
    const step = Math.max(1, Math.ceil(units.length / CUTS));
    const heads: Mixture[] = [];
    for (let head = 0; head < units.length; head += step) heads.push(this.#mixture(new Set(units.slice(0, head))));
    heads.push(this.#mixture(new Set(units)));
    return heads.sort((a, b) => this.#score(a) - this.#score(b));
  }

  #withTail(head: Mixture): Mixture {
    const units = this.#units;
    const step = Math.max(1, Math.ceil(units.length / CUTS));
    let best = head;
    for (let tail = units.length - 1; tail > 0; tail -= step)
      best = this.#better(best, this.#mixture(new Set([...head.keep, ...units.slice(tail)])));
    return best;
  }

  /** Runs of one to three neighbours change sides while that helps. */
  #improved(start: Mixture): Mixture {
    const difference = (unit: number): number => {
      const both = this.#model.of(unit);
      return both ? Math.abs(both.int8 - both.float32) : 0;
    };
    const telling = new Set([...this.#units].sort((a, b) => difference(b) - difference(a)).slice(0, FLIPS));
    let best = start;
    for (let round = 0; round < ROUNDS; round++) {
      const before = best;
      this.#units.forEach((unit, i) => {
        if (!telling.has(unit)) return;
        for (let length = 1; length <= 3; length++) {
          const flipped = new Set(best.keep);
          const float = best.keep.has(unit);
          for (const other of this.#units.slice(i, i + length))
            if (float) flipped.delete(other);
            else flipped.add(other);
          best = this.#better(best, this.#mixture(flipped));
        }
      });
      if (best === before) break;
    }
    return best;
  }
}
