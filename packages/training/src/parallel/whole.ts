/** A step as one graph in one session: the plain way. */
import { encodeModel, float32, type Model, type Session, type SessionFactory, type Tensor } from '@verge/onnx';
import { portsOf } from '../loop/feeds.js';
import { segmentStep, type FlatStep, type Segment } from '../segments.js';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import { LOSS, MASK, nextOf, OUTPUT, STATISTICS } from '../step-parts.js';
import { buildTrainingModel, type TrainingModel } from '../training-model.js';
import { TurningBuffers } from './buffers.js';
import { blockOf, checkFinite, floats, vector, type StepContext, type StepPlan, type Stepper } from './stepper.js';

/** Steps whose results the executor writes where they will be read. */
export class WholeStepper implements Stepper {
  readonly #buffers: TurningBuffers;

  constructor(
    private readonly state: TrainingState,
    private readonly session: Session,
    private readonly segments: readonly Segment[],
  ) {
    this.#buffers = new TurningBuffers(state);
  }

  /** A vector as the graph knows it: in segments, but for the running statistics. */
  #named(name: string, data: Float32Array, into: Record<string, Tensor>, as = name): void {
    if (this.segments.length === 0 || name === STATISTICS) into[as] = vector(data);
    else for (const s of this.segments) into[as + s.suffix] = float32(s.shape, data.subarray(s.from, s.to));
  }

  #feeds(input: StepInput): Record<string, Tensor> {
    const { state } = this;
    const flat = state.feeds(input);
    if (this.segments.length === 0) return flat;
    const cut = new Set([...state.stepped, MASK].filter((name) => name in flat && name !== STATISTICS));
    const feeds = Object.fromEntries(Object.entries(flat).filter(([name]) => !cut.has(name)));
    for (const name of cut) this.#named(name, name === MASK ? state.mask! : state.vectors.get(name)!, feeds);
    return feeds;
  }

  async step(input: StepInput): Promise<StepResult> {
    const { state } = this;
    const next = this.#buffers.free();
    const into: Record<string, Tensor> = {};
    for (const name of state.stepped) this.#named(name, next.get(name)!, into, nextOf(name));
    const results = await this.session.run(this.#feeds(input), undefined, into);
    const loss = floats(results, LOSS)[0]!;
    checkFinite(loss, input.step);
    state.advance((name) => next.get(name)!, input.step);
    return { loss, output: floats(results, OUTPUT) };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** A session for a step graph, cut at its large parameters where it can be. */
export async function openWhole(
  step: FlatStep & { readonly model: Model },
  state: TrainingState,
  createSession: SessionFactory,
  threads?: number,
): Promise<Stepper> {
  const cut = segmentStep(step);
  const bytes = encodeModel(cut?.model ?? step.model);
  const session = await createSession(bytes, { threads, optimization: 'extended' });
  return new WholeStepper(state, session, cut?.segments ?? []);
}

export function planWhole({ options, loss, batch }: StepContext): StepPlan {
  const { model, createSession, masks, threads } = options;
  const { optimizer, trainable, mode, maxGradientNorm, maxGradientValue, companion } = options;
  const build = (block?: number): TrainingModel =>
    buildTrainingModel(model, {
      loss,
      optimizer,
      batch,
      trainable,
      masked: masks !== undefined,
      mode,
      maxGradientNorm,
      maxGradientValue,
      companion,
      block,
    });
  const training = build();
  return {
    ports: training,
    feeds: portsOf(training.model),
    models: [training.model],
    open: async (state) => {
      const block = await blockOf(options);
      return openWhole(block > 0 ? build(block) : training, state, createSession, threads);
    },
  };
}
