/** Something that takes training steps: in one graph, in micro-batches, or by replicas that run at once. */
import { float32, type Model, type Session, type Tensor } from '@verge/onnx';
import { probeBlock } from '../blocked-layout.js';
import { TrainingError } from '../errors.js';
import type { FitOptions } from '../fit-options.js';
import type { Port } from '../loop/feeds.js';
import type { LossSpec } from '../losses.js';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import type { StepPorts } from '../step-parts.js';
import type { Feeds } from './rows.js';

/** Each step reads the state's vectors and leaves the next ones there. */
export interface Stepper {
  /** @throws TrainingError `diverged` when the loss is no longer finite; the state is then the one before the step */
  step(input: StepInput): Promise<StepResult>;
  /** The most steps that `steps` takes in one run; there is no such way when absent. */
  readonly together?: number;
  /** One after the other, as `step` takes them, to the same bits. @throws TrainingError `diverged` */
  steps?(inputs: readonly StepInput[]): Promise<StepResult[]>;
  release(): Promise<void>;
}

export interface StepPlan {
  /** Shapes are those of the whole batch. */
  readonly ports: StepPorts;
  /** What a batch must bring, by graph input. */
  readonly feeds: ReadonlyMap<string, Port>;
  /** The graphs that run, in their standard layout; with the data they decide the numbers. */
  readonly models: readonly Model[];
  open(state: TrainingState): Promise<Stepper>;
  /** What `open` opens, for a run that opens it itself; absent where that is more than one session. */
  prepare?(state: TrainingState): Promise<PreparedStep>;
}

/** A step before there is a session for it, with `STEP_SESSION`. */
export interface PreparedStep {
  readonly graph: Model;
  /** Holds nothing of the graph. */
  readonly stepper: (session: Session) => Stepper;
}

export type StepOptions = Pick<
  FitOptions,
  | 'model'
  | 'createSession'
  | 'optimizer'
  | 'trainable'
  | 'alsoTrained'
  | 'masks'
  | 'mode'
  | 'maxGradientNorm'
  | 'maxGradientValue'
  | 'companion'
  | 'threads'
  | 'accumulate'
  | 'parallel'
  | 'block'
  | 'together'
>;

/** How sessions of step graphs are opened. */
export const STEP_SESSION = {
  optimization: 'extended',
  planMemory: false,
  quantizeAsWritten: true,
  fixedPlaces: true,
} as const;

/** What every way of stepping is planned from. */
export interface StepContext {
  readonly options: StepOptions;
  readonly loss: LossSpec;
  /** Rows of an update. */
  readonly batch: number;
}

/** The block that steps are written in: the one asked for, or the one that the executor has. */
export async function blockOf({ block, createSession }: StepOptions): Promise<number> {
  return block ?? (await probeBlock(createSession));
}

/** Of all values that there are, those that a graph reads: a session refuses others. */
export function readBy(session: Session, feeds: Feeds): Record<string, Tensor> {
  const wanted = session.inputNames.flatMap((name) => (feeds[name] ? [[name, feeds[name]] as const] : []));
  return Object.fromEntries(wanted);
}

/** @throws TrainingError `bad-model` when there is no such output */
export function floats(results: Feeds, name: string): Float32Array {
  const tensor = results[name];
  if (tensor?.dtype !== 'float32') throw new TrainingError('bad-model', `output '${name}' is missing`);
  return tensor.data;
}

export function checkFinite(loss: number, step: number): void {
  if (!Number.isFinite(loss)) throw new TrainingError('diverged', `the loss of step ${step} is ${loss}`);
}

export const vector = (data: Float32Array): Tensor => float32([data.length], data);
