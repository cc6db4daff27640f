/** Gradient accumulation: the memory of a small batch, the update of a large one. */
import { encodeModel, float32, type Session, type Tensor } from '@verge/onnx';
import { DROPOUT_SEED } from '../gradients/dropout.js';
import { portsOf, type Port } from '../loop/feeds.js';
import {
  buildSplitStep,
  GRADIENT,
  GRADIENT_SCALE,
  gradientScale,
  sumOfSquares,
  type SplitStep,
} from '../split-step.js';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import { LOSS, nextOf, OUTPUT, PARAMETERS, STATISTICS, type InputPort, type StepPorts } from '../step-parts.js';
import { TurningBuffers } from './buffers.js';
import { partOf, seedOfPart } from './rows.js';
import {
  blockOf,
  checkFinite,
  floats,
  STEP_SESSION,
  readBy,
  vector,
  type StepContext,
  type StepPlan,
  type Stepper,
} from './stepper.js';

/** Both halves of a step for one of `parts` equal parts of the batch. */
export function splitForParts({ options, loss, batch }: StepContext, parts: number, block?: number): SplitStep {
  const { model, optimizer, trainable, alsoTrained, mode, masks, maxGradientValue, companion } = options;
  return buildSplitStep(model, {
    loss,
    optimizer,
    trainable,
    alsoTrained,
    mode,
    masked: masks !== undefined,
    maxGradientValue,
    companion,
    batch: batch / parts,
    block,
  });
}

const widened = ([rows, ...rest]: readonly number[], parts: number): number[] => [rows! * parts, ...rest];

/** A part's step as the whole batch sees it. */
export function portsOfBatch(split: SplitStep, parts: number): Pick<StepPlan, 'ports' | 'feeds'> {
  const { gradient: _gradient, update: _update, ...own } = split;
  const whole = (port: InputPort): InputPort => ({ ...port, shape: widened(port.shape, parts) });
  const ports: StepPorts = {
    ...own,
    input: whole(own.input),
    others: own.others.map(whole),
    outputShape: widened(own.outputShape, parts),
  };
  // Scalars and the state have no row for each sample, and no batch brings them.
  const feeds = [...portsOf(split.gradient)].map(([name, port]): [string, Port] => {
    return [name, port.shape.length === 0 ? port : { ...port, shape: widened(port.shape, parts) }];
  });
  return { ports, feeds: new Map(feeds) };
}

class AccumulatingStepper implements Stepper {
  /** The sum of the gradients, and the gradient of one part. */
  readonly #sum: Float32Array;
  readonly #own: Float32Array;
  /** Statistics pass from part to part, so that they are results of the gradient's graph. */
  readonly #updated: readonly string[];
  readonly #buffers: TurningBuffers;

  constructor(
    private readonly state: TrainingState,
    private readonly parts: number,
    private readonly limit: number | undefined,
    private readonly sessions: { readonly gradient: Session; readonly update: Session },
  ) {
    const size = state.vectors.get(PARAMETERS)!.length;
    [this.#sum, this.#own] = [new Float32Array(size), new Float32Array(size)];
    this.#updated = state.stepped.filter((name) => name !== STATISTICS);
    this.#buffers = new TurningBuffers(state, this.#updated);
  }

  async step(input: StepInput): Promise<StepResult> {
    const { state, parts, limit } = this;
    const { update } = this.sessions;
    const { loss, output, statistics } = await this.#gradient(input);
    checkFinite(loss, input.step);
    const sum = this.#sum;
    const scale = gradientScale(parts, limit === undefined ? 0 : sumOfSquares(sum), limit);
    const feeds = { ...state.feeds(input), [GRADIENT]: vector(sum), [GRADIENT_SCALE]: float32([], [scale]) };
    const next = this.#buffers.free();
    const into = Object.fromEntries(this.#updated.map((name) => [nextOf(name), vector(next.get(name)!)]));
    await update.run(readBy(update, feeds), undefined, into);
    state.advance((name) => (name === STATISTICS ? statistics! : next.get(name)!), input.step);
    return { loss, output };
  }

  /** Sums the gradients of all parts. Running statistics pass from each part to the next. */
  async #gradient(input: StepInput): Promise<StepResult & { statistics?: Float32Array }> {
    const { state, parts } = this;
    const [sum, own] = [this.#sum, this.#own];
    const { gradient } = this.sessions;
    let loss = 0;
    let statistics = state.vectors.get(STATISTICS);
    const outputs: Float32Array[] = [];
    for (let i = 0; i < parts; i++) {
      const feeds: Record<string, Tensor> = partOf(input.feeds, i, parts);
      feeds[PARAMETERS] = vector(state.vectors.get(PARAMETERS)!);
      feeds[DROPOUT_SEED] = seedOfPart(input.dropoutSeed, i);
      if (statistics) feeds[STATISTICS] = vector(statistics);
      const place = i === 0 ? sum : own;
      const results = await gradient.run(readBy(gradient, feeds), undefined, { [GRADIENT]: vector(place) });
      loss += floats(results, LOSS)[0]! / parts;
      outputs.push(floats(results, OUTPUT));
      if (i > 0) for (let j = 0; j < sum.length; j++) sum[j]! += own[j]!;
      if (statistics) statistics = floats(results, nextOf(STATISTICS));
    }
    return { loss, output: joined(outputs), statistics };
  }

  async release(): Promise<void> {
    await this.sessions.gradient.release();
    await this.sessions.update.release();
  }
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The same step in the executor's blocked layout, where it has one. */
export async function inBlocks(context: StepContext, parts: number, split: SplitStep): Promise<SplitStep> {
  const block = await blockOf(context.options);
  return block > 0 ? splitForParts(context, parts, block) : split;
}

/** A step of `parts` micro-batches, their gradients averaged, and one update. */
export function planAccumulation(context: StepContext, parts: number): StepPlan {
  const split = splitForParts(context, parts);
  const { createSession, threads, maxGradientNorm } = context.options;
  return {
    ...portsOfBatch(split, parts),
    models: [split.gradient, split.update],
    open: async (state) => {
      const settings = { threads, ...STEP_SESSION };
      const own = await inBlocks(context, parts, split);
      const gradient = await createSession(encodeModel(own.gradient), settings);
      const update = await createSession(encodeModel(own.update), settings);
      return new AccumulatingStepper(state, parts, maxGradientNorm, { gradient, update });
    },
  };
}
