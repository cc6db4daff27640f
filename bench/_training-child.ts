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

type Step = () => Promise<number>;

async function prepare(network: Network, batch: number, threads: number): Promise<{ step: Step; parameters: number }> {
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
  let count = 0;
  const step = async (): Promise<number> => {
    const { loss } = await stepper.step({ feeds, learningRate: 0.01, step: ++count, dropoutSeed: 0 });
    return loss;
  };
  return { step, parameters: plan.ports.parameters.size };
}

async function run(step: Step, steps: number): Promise<object> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  let loss = 0;
  for (let i = 0; i < steps; i++) loss = await step();
  const used = process.cpuUsage(cpu);
  return { cpu: (used.user + used.system) / 1e6, wall: (performance.now() - wall) / 1000, loss };
}

let step: Step | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  let answer: object;
  if (command.network) {
    const prepared = await prepare(command.network, command.batch ?? 64, command.threads ?? 1);
    step = prepared.step;
    answer = { parameters: prepared.parameters };
  } else if (command.steps) answer = await run(step!, command.steps);
  else answer = { peak: process.resourceUsage().maxRSS * 1024 };
  console.log(JSON.stringify(answer));
}
