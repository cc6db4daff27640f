/** Training steps in a process of its own, so that CPU time and peak memory are this network's alone. Speaks the peer's protocol. */
import { createInterface } from 'node:readline';
import { float32 } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { LABELS, planSteps, Random, TrainingState } from '@verge/training';
import { buildNetwork, type Network } from './_networks.js';

interface Command {
  network?: Network;
  batch?: number;
  threads?: number;
  steps?: number;
}

/** Takes so many steps, and tells the last one's loss. */
type Steps = (count: number) => Promise<number>;

async function prepare(network: Network, batch: number, threads: number): Promise<{ run: Steps; parameters: number }> {
  const model = buildNetwork(network);
  const optimizer = { name: 'sgd', learningRate: 0.01, momentum: 0.9 } as const;
  const options = { model, optimizer, createSession, threads };
  const plan = planSteps({ options, loss: { kind: 'cross-entropy' }, batch });
  const state = new TrainingState(plan.ports, model, optimizer);
  const stepper = await plan.open(state);
  const random = new Random(1, 'samples');
  const size = batch * network.input.reduce((a, b) => a * b, 1);
  const x = Float32Array.from({ length: size }, () => random.normal());
  const labels = Int32Array.from({ length: batch }, () => random.below(network.classes));
  const feeds = {
    [plan.ports.input.name]: float32(plan.ports.input.shape, x),
    [LABELS]: { dtype: 'int32', dims: [batch], data: labels } as const,
  };
  let taken = 0;
  // As `fit` does: several steps in one run where that is how this network steps.
  const { together = 1 } = stepper;
  const take = async (count: number): Promise<number> => {
    const inputs = Array.from({ length: count }, () => ({
      feeds,
      learningRate: 0.01,
      step: ++taken,
      dropoutSeed: 0,
    }));
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
  if (command.network) {
    const prepared = await prepare(command.network, command.batch ?? 64, command.threads ?? 1);
    run = prepared.run;
    answer = { parameters: prepared.parameters };
  } else if (command.steps) answer = await timed(run!, command.steps);
  else answer = { peak: process.resourceUsage().maxRSS * 1024 };
  console.log(JSON.stringify(answer));
}
