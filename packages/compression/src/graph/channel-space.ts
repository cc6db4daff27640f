/**
 * Channel spaces: sets of channels that must keep the same members. Every value of the graph lives in one; residual
 * additions, depthwise convolutions and normalisations tie spaces together (union-find).
 */

/** A constant that has one slice for each channel along an axis. */
export interface Slot {
  initializer: string;
  axis: number;
  /** Consecutive slices for one channel: the spatial positions that a Flatten put behind each other. */
  repeat: number;
}

/** A constant whose slices compute the channels. */
export interface Producer {
  node: string;
  weight: string;
  axis: number;
}

export interface Space {
  size: number;
  producers: Producer[];
  slots: Slot[];
  /** Names of nodes whose `group` attribute is the number of channels. */
  groups: string[];
  /** Reshape targets that hold the number of channels times `repeat`, at `position`. */
  targets: { initializer: string; position: number; repeat: number }[];
  /** Why its channels cannot be removed; null when they can. */
  frozen: string | null;
}

export class SpaceForest {
  readonly #parents: number[] = [];
  readonly #spaces: Space[] = [];

  create(size: number, frozen: string | null = null): number {
    this.#parents.push(this.#parents.length);
    this.#spaces.push({ size, producers: [], slots: [], groups: [], targets: [], frozen });
    return this.#parents.length - 1;
  }

  find(id: number): number {
    let at = id;
    while (this.#parents[at] !== at) at = this.#parents[at] as number;
    return at;
  }

  get(id: number): Space {
    return this.#spaces[this.find(id)] as Space;
  }

  freeze(id: number, reason: string): void {
    this.get(id).frozen ??= reason;
  }

  union(a: number, b: number): void {
    const [to, from] = [this.find(a), this.find(b)];
    if (to === from) return;
    const target = this.#spaces[to] as Space;
    const source = this.#spaces[from] as Space;
    if (target.size !== source.size) {
      target.frozen ??= 'it is combined with a value of another width';
      source.frozen ??= 'it is combined with a value of another width';
      return;
    }
    this.#parents[from] = to;
    target.producers.push(...source.producers);
    target.slots.push(...source.slots);
    target.groups.push(...source.groups);
    target.targets.push(...source.targets);
    target.frozen ??= source.frozen;
  }

  /** All distinct spaces. */
  roots(): Space[] {
    return this.#spaces.filter((_, id) => this.#parents[id] === id);
  }
}
