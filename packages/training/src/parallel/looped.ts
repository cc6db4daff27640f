/** Steps that run together, several in one run of the executor. */
import { elementCount, float32, int64, type Session, type Tensor } from '@verge/onnx';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import { LOSS, OUTPUT } from '../step-parts.js';
import { TurningBuffers } from './buffers.js';
import { allOf, firstOf, lastOf, STEPS, type LoopParts } from './loop-graph.js';
import type { NamedVectors } from './named-vectors.js';
import { checkFinite, floats, type Stepper } from './stepper.js';

/** Typed arrays of one kind: as long as `like` for each of `count` steps. */
function room(like: Tensor, count: number): Tensor {
  const { data } = like as { data: Float32Array };
  const Kind = data.constructor as new (length: number) => Float32Array;
  return { ...like, dims: [count, ...like.dims], data: new Kind(count * data.length) } as Tensor;
}

/** All graph inputs that differ from step to step, one behind the other; the memory is kept for the next run. */
class Stacks {
  readonly #full = new Map<string, Tensor>();

  constructor(
    private readonly names: readonly string[],
    private readonly most: number,
  ) {}

  fill(feeds: readonly Readonly<Record<string, Tensor>>[]): Record<string, Tensor> {
    const stacked = this.names.map((name): [string, Tensor] => {
      const full = this.#full.get(name) ?? room(feeds[0]![name]!, this.most);
      this.#full.set(name, full);
      const dims = [feeds.length, ...full.dims.slice(1)];
      const size = elementCount(full.dims.slice(1));
      const data = (full as { data: Float32Array }).data;
      feeds.forEach((own, i) => data.set((own[name] as { data: Float32Array }).data, i * size));
      return [allOf(name), { ...full, dims, data: data.subarray(0, feeds.length * size) } as Tensor];
    });
    return Object.fromEntries(stacked);
  }
}

export class LoopedStepper implements Stepper {
  readonly #buffers: TurningBuffers;
  readonly #stacks: Stacks;

  constructor(
    private readonly state: TrainingState,
    private readonly session: Session,
    private readonly vectors: NamedVectors,
    private readonly parts: LoopParts,
    readonly together: number,
  ) {
    this.#buffers = new TurningBuffers(state);
    this.#stacks = new Stacks(parts.each, together);
  }

  /** @throws TrainingError `diverged` naming the first step whose loss is not finite; the state is then the one before all of them */
  async steps(inputs: readonly StepInput[]): Promise<StepResult[]> {
    const { state, parts } = this;
    const next = this.#buffers.free();
    const each = this.#stacks.fill(inputs.map((input) => state.stepFeeds(input)));
    const feeds: Record<string, Tensor> = { [STEPS]: int64([], [inputs.length]), ...each };
    for (const [name, piece] of this.vectors.pieces(state.read)) {
      feeds[parts.fixed.includes(name) ? name : firstOf(name)] = piece;
    }
    const into: Record<string, Tensor> = {};
    for (const [name, place] of this.vectors.pieces(next)) into[lastOf(name)] = place;
    for (const { name, shape } of parts.results) {
      const dims = [inputs.length, ...shape];
      into[allOf(name)] = float32(dims, new Float32Array(elementCount(dims)));
    }
    const results = await this.session.run(feeds, undefined, into);
    const [losses, outputs] = [floats(results, allOf(LOSS)), floats(results, allOf(OUTPUT))];
    inputs.forEach((input, i) => checkFinite(losses[i]!, input.step));
    state.advance((name) => next.get(name)!, inputs.at(-1)!.step);
    const size = outputs.length / inputs.length;
    return inputs.map((_, i) => ({ loss: losses[i]!, output: outputs.subarray(i * size, (i + 1) * size) }));
  }

  async step(input: StepInput): Promise<StepResult> {
    return (await this.steps([input]))[0]!;
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
