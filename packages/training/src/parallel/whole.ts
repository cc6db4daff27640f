/** A step as one graph in one session: the plain way. */
import { openModel, type Model, type Session, type SessionFactory } from '@verge/onnx';
import { portsOf } from '../loop/feeds.js';
import { segmentStep, type FlatStep, type Segment } from '../segments.js';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import { LOSS, nextOf, OUTPUT } from '../step-parts.js';
import { buildTrainingModel, type TrainingModel } from '../training-model.js';
import { TurningBuffers } from './buffers.js';
import { stepsTogether } from './together.js';
import { loopModel, loopParts, type LoopParts } from './loop-graph.js';
import { LoopedStepper } from './looped.js';
import { NamedVectors } from './named-vectors.js';
import { leavesByNeed } from './order.js';
import {
  blockOf,
  checkFinite,
  floats,
  STEP_SESSION,
  type PreparedStep,
  type StepContext,
  type StepPlan,
  type Stepper,
} from './stepper.js';

/** Steps whose results the executor writes where they will be read. */
export class WholeStepper implements Stepper {
  readonly #buffers: TurningBuffers;
  readonly #vectors: NamedVectors;

  constructor(
    private readonly state: TrainingState,
    private readonly session: Session,
    segments: readonly Segment[],
  ) {
    this.#buffers = new TurningBuffers(state);
    this.#vectors = new NamedVectors(segments);
  }

  async step(input: StepInput): Promise<StepResult> {
    const { state } = this;
    const next = this.#buffers.free();
    const feeds = { ...state.stepFeeds(input), ...Object.fromEntries(this.#vectors.pieces(state.read)) };
    const places = this.#vectors.pieces(next).map(([name, place]) => [nextOf(name), place] as const);
    const results = await this.session.run(feeds, undefined, Object.fromEntries(places));
    const loss = floats(results, LOSS)[0]!;
    checkFinite(loss, input.step);
    state.advance((name) => next.get(name)!, input.step);
    return { loss, output: floats(results, OUTPUT) };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/**
 * A session for a step graph, cut at its large parameters where it can be.
 * @param together steps that may be taken in one run
 */
export async function openWhole(
  step: FlatStep & { readonly model: Model },
  state: TrainingState,
  createSession: SessionFactory,
  threads?: number,
  together = 1,
): Promise<Stepper> {
  const { graph, stepper } = prepareWhole(step, state, together);
  return stepper(await openModel(createSession, graph, { threads, ...STEP_SESSION }));
}

/** The graph that `openWhole` opens, and what becomes of its session. */
function prepareWhole(
  step: FlatStep & { readonly model: Model },
  state: TrainingState,
  together: number,
): PreparedStep {
  const cut = segmentStep(step) ?? { model: step.model, segments: [] };
  const { segments } = cut;
  const model = { ...cut.model, graph: leavesByNeed(cut.model.graph) };
  if (together === 1) return { graph: model, stepper: wholeOn(state, segments) };
  return { graph: loopModel(model), stepper: loopedOn(state, segments, loopParts(model.graph), together) };
}

// Made apart from the graph, which they would hold.
const wholeOn =
  (state: TrainingState, segments: readonly Segment[]): PreparedStep['stepper'] =>
  (session) =>
    new WholeStepper(state, session, segments);

const loopedOn =
  (state: TrainingState, segments: readonly Segment[], parts: LoopParts, together: number): PreparedStep['stepper'] =>
  (session) =>
    new LoopedStepper(state, session, new NamedVectors(segments), parts, together);

export function planWhole({ options, loss, batch }: StepContext): StepPlan {
  const { model, createSession, masks, threads } = options;
  const { optimizer, trainable, alsoTrained, mode, maxGradientNorm, maxGradientValue, companion } = options;
  const build = (block?: number): TrainingModel =>
    buildTrainingModel(model, {
      loss,
      optimizer,
      batch,
      trainable,
      alsoTrained,
      masked: masks !== undefined,
      mode,
      maxGradientNorm,
      maxGradientValue,
      companion,
      block,
    });
  const training = build();
  const prepare = async (state: TrainingState): Promise<PreparedStep> => {
    const block = await blockOf(options);
    const step = block > 0 ? build(block) : training;
    // A moving average needs the parameters after every step.
    const together = state.averagesSteps ? 1 : (options.together ?? stepsTogether(model, batch));
    return prepareWhole(step, state, together);
  };
  const { model: _graph, shapes: _shapes, ...ports } = training;
  return {
    ports,
    feeds: portsOf(training.model),
    models: [training.model],
    prepare,
    open: async (state) => {
      const { graph, stepper } = await prepare(state);
      return stepper(await openModel(createSession, graph, { threads, ...STEP_SESSION }));
    },
  };
}
