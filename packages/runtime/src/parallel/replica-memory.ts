/**
 * The memory that replicas and their coordinator look at together: one SharedArrayBuffer, cut the same way by everybody,
 * and a barrier in it. ONNX Runtime's binding takes no tensor on shared memory, so runs read copies.
 */
import type { ReplicaSpec } from '@verge/onnx';

/** What the cuts follow from. */
export type MemoryShape = Pick<ReplicaSpec, 'size' | 'outputSize' | 'microBatches'> & {
  readonly replicas: number;
  readonly vectors: readonly {
    readonly name: string;
    readonly length: number;
    readonly kind: 'sharded' | 'averaged';
  }[];
};

export function shapeOf(spec: ReplicaSpec): MemoryShape {
  const { size, outputSize, microBatches, vectors, updates } = spec;
  return {
    size,
    outputSize,
    microBatches,
    replicas: updates.length,
    vectors: vectors.map(({ name, kind, initial }) => ({ name, kind, length: initial.length })),
  };
}

const ARRIVED = 0;
const GENERATION = 1;
const ABORTED = 2;
const CONTROL_BYTES = 16;

export class ReplicaMemory {
  /** The state by name. */
  readonly vectors = new Map<string, Float32Array>();
  /** Summed gradient of each replica's micro-batches. */
  readonly gradients: readonly Float32Array[];
  /** Next value of each averaged vector, by replica. */
  readonly proposals: readonly ReadonlyMap<string, Float32Array>[];
  readonly outputs: readonly Float32Array[];
  /** Mean loss of each replica's micro-batches. */
  readonly losses: Float64Array;
  /** Sum of the squares of each replica's range of the summed gradient. */
  readonly squares: Float64Array;
  readonly #control: Int32Array;
  readonly #replicas: number;

  constructor(
    readonly buffer: SharedArrayBuffer,
    shape: MemoryShape,
  ) {
    const { replicas, size, vectors } = shape;
    this.#replicas = replicas;
    this.#control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.losses = new Float64Array(buffer, CONTROL_BYTES, replicas);
    this.squares = new Float64Array(buffer, CONTROL_BYTES + 8 * replicas, replicas);
    let at = CONTROL_BYTES + 16 * replicas;
    const floats = (length: number): Float32Array => {
      const view = new Float32Array(buffer, at, length);
      at += 4 * length;
      return view;
    };
    for (const { name, length } of vectors) this.vectors.set(name, floats(length));
    const each = <T>(make: () => T): T[] => Array.from({ length: replicas }, make);
    this.gradients = each(() => floats(size));
    const averaged = vectors.filter((v) => v.kind === 'averaged');
    this.proposals = each(() => new Map(averaged.map((v) => [v.name, floats(v.length)])));
    this.outputs = each(() => floats(shape.microBatches * shape.outputSize));
  }

  static allocate(shape: MemoryShape): ReplicaMemory {
    const state = shape.vectors.reduce(
      (sum, v) => sum + v.length * (v.kind === 'averaged' ? shape.replicas + 1 : 1),
      0,
    );
    const own = shape.size + shape.microBatches * shape.outputSize;
    const bytes = CONTROL_BYTES + 16 * shape.replicas + 4 * (state + shape.replicas * own);
    return new ReplicaMemory(new SharedArrayBuffer(bytes), shape);
  }

  get aborted(): boolean {
    return Atomics.load(this.#control, ABORTED) !== 0;
  }

  /** Lets everybody who waits at the barrier, or will, go on with `false`. */
  abort(): void {
    Atomics.store(this.#control, ABORTED, 1);
    // A replica that is about to wait for this generation finds another one.
    Atomics.add(this.#control, GENERATION, 1);
    Atomics.notify(this.#control, GENERATION);
  }

  /** Waits until every replica is here; what each wrote before is then visible to all. False after `abort`. */
  meet(): boolean {
    const generation = Atomics.load(this.#control, GENERATION);
    if (this.aborted) return false;
    if (Atomics.add(this.#control, ARRIVED, 1) === this.#replicas - 1) {
      Atomics.store(this.#control, ARRIVED, 0);
      Atomics.add(this.#control, GENERATION, 1);
      Atomics.notify(this.#control, GENERATION);
    } else {
      while (Atomics.load(this.#control, GENERATION) === generation)
        Atomics.wait(this.#control, GENERATION, generation);
    }
    return !this.aborted;
  }
}
