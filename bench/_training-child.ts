/** Training steps in a process of its own, so that CPU time and peak memory are this network's alone. Speaks the peer's protocol. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { decodeModel, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import {
  type FitOptions,
  inTrainingForm,
  type InputValues,
  LABELS,
  type LossSpec,
  planSteps,
  Random,
  TARGET,
  TrainingState,
} from '@verge/training';
import { buildNetwork, type Network } from './_networks.js';

/** A network's input as the peer describes it. */
export interface PeerInput {
  /** Batch first. */
  readonly shape: readonly number[];
  /** How many token ids there are; null where the input holds numbers. */
  readonly below: number | null;
}

export interface Command {
  network?: Network;
  /** An ONNX file, and what is known of its network. */
  file?: string;
  input?: PeerInput;
  output?: readonly number[];
  batch?: number;
  threads?: number;
  learningRate?: number;
  steps?: number;
}

/** Takes so many steps, and tells the last one's loss. */
type Steps = (count: number) => Promise<number>;

interface Described {
  readonly model: Model;
  readonly input: PeerInput;
  readonly output: readonly number[];
}

function describe({ network, file, input, output, batch = 64 }: Command): Described {
  if (file && input && output) return { model: decodeModel(readFileSync(file)), input, output };
  const model = buildNetwork(network!);
  return { model, input: { shape: [batch, ...network!.input], below: null }, output: [batch, network!.classes] };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

async function prepare(command: Command): Promise<{ run: Steps; parameters: number }> {
  const { threads = 1, learningRate = 0.01 } = command;
  const { model, input, output } = describe(command);
  const [batch, ...shape] = input.shape as [number, ...number[]];
  const random = new Random(1, 'samples');
  const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  const x: InputValues = input.below
    ? Int32Array.from({ length: sizeOf(input.shape) }, () => random.below(input.below!))
    : normal(sizeOf(input.shape));
  // Logits of classes are compared with one; anything else with numbers of its own shape.
  const classes = output.length === 2 ? output[1] : undefined;
  const loss: LossSpec = classes ? { kind: 'cross-entropy' } : { kind: 'mse' };
  const labels = Int32Array.from({ length: batch }, () => (classes ? random.below(classes) : 0));
  const samples = { x, shape, y: labels };
  const given: FitOptions = {
    ...{ model, loss, createSession, threads, epochs: 1, train: samples, validation: samples },
    optimizer: { name: 'sgd', learningRate, momentum: 0.9 },
  };
  const { options } = inTrainingForm(given);
  const plan = planSteps({ options, loss, batch });
  const state = new TrainingState(plan.ports, options.model, options.optimizer);
  const stepper = await plan.open(state);
  const { name } = plan.ports.input;
  const main: Tensor =
    x instanceof Float32Array
      ? { dtype: 'float32', dims: [...input.shape], data: x }
      : { dtype: 'int64', dims: [...input.shape], data: BigInt64Array.from(x, BigInt) };
  const feeds: Record<string, Tensor> = { [name]: main };
  if (classes) feeds[LABELS] = { dtype: 'int32', dims: [batch], data: labels };
  else feeds[TARGET] = { dtype: 'float32', dims: [...output], data: normal(sizeOf(output)) };
  let taken = 0;
  // As `fit` does: several steps in one run where that is how this network steps.
  const { together = 1 } = stepper;
  const take = async (count: number): Promise<number> => {
    const inputs = Array.from({ length: count }, () => ({ feeds, learningRate, step: ++taken, dropoutSeed: 0 }));
    const results = stepper.steps ? await stepper.steps(inputs) : [await stepper.step(inputs[0]!)];
    return results.at(-1)!.loss;
  };
  const run = async (count: number): Promise<number> => {
    let loss = 0;
    for (let left = count; left > 0; left -= together) loss = await take(Math.min(together, left));
    return loss;
  };
  return { run, parameters: plan.ports.parameters.size };
}

async function timed(run: Steps, steps: number): Promise<object> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const loss = await run(steps);
  const used = process.cpuUsage(cpu);
  return { cpu: (used.user + used.system) / 1e6, wall: (performance.now() - wall) / 1000, loss };
}

let run: Steps | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  let answer: object;
  if (command.steps) answer = await timed(run!, command.steps);
  else if (command.threads) {
    const prepared = await prepare(command);
    run = prepared.run;
    answer = { parameters: prepared.parameters };
  } else answer = { peak: process.resourceUsage().maxRSS * 1024 };
  console.log(JSON.stringify(answer));
}
