/** Training step of the quickstart's teacher (forward, backward, update) against its forward pass alone. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TrainingConfig } from '@verge/contracts';
import { encodeModel, float32, int64, type Session, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, buildTrainingModel, type OptimizerSpec, Random } from '@verge/training';
import { parse } from 'yaml';
import type { Row } from './_row.js';

/** What plain operators on ONNX Runtime were measured to need, as a multiple of the forward pass. */
const BAR = 4.2;
const ROUNDS = 200;

/** Feeds of the right shapes for every input of a model: small random numbers, and labels where integers are read. */
function feedsOf(model: ReturnType<typeof buildArchitecture>): Record<string, Tensor> {
  const random = new Random(1, 'bench');
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of model.graph.inputs) {
    if (type?.kind !== 'tensor') continue;
    const dims = (type.shape ?? []).map(Number);
    const count = dims.reduce((a, b) => a * b, 1);
    if (type.dtype === 'int32') feeds[name] = { dtype: 'int32', dims, data: new Int32Array(count) };
    else if (type.dtype === 'int64') feeds[name] = int64(dims, new Array<number>(count).fill(1));
    else
      feeds[name] = float32(
        dims,
        Float32Array.from({ length: count }, () => random.uniform(0, 0.1)),
      );
  }
  return feeds;
}

async function once(session: Session, feeds: Record<string, Tensor>): Promise<number> {
  const start = performance.now();
  await session.run(feeds);
  return performance.now() - start;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Runs both in turn, so that a busy machine slows both; medians. */
async function row(optimizer: OptimizerSpec, config: TrainingConfig): Promise<Row> {
  if (!('architecture' in config.model)) throw new Error('the teacher is expected to be a built-in architecture');
  const { architecture, params } = config.model;
  const model = buildArchitecture(architecture, { input: [1, 8, 8], classes: 10, params });
  const batch = config.batchSize;
  const training = buildTrainingModel(model, { loss: { kind: 'cross-entropy' }, optimizer, batch });
  const step = await createSession(encodeModel(training.model), { threads: 1, optimization: 'extended' });
  const forward = await createSession(encodeModel(model), { threads: 1, optimization: 'extended' });
  const stepFeeds = feedsOf(training.model);
  const forwardFeeds = { input: stepFeeds['input']! };
  const [steps, forwards]: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    steps.push(await once(step, stepFeeds));
    forwards.push(await once(forward, forwardFeeds));
  }
  await Promise.all([step.release(), forward.release()]);
  const [ours, peer] = [median(steps), median(forwards)];
  return {
    work: `${architecture} ${JSON.stringify(params)}, batch ${batch}, ${optimizer.name}`,
    unit: 'ms',
    ours,
    peer,
    peerName: 'forward pass (inference graph)',
    ratio: peer / ours,
    bar: 1 / BAR,
    ok: ours <= BAR * peer,
  };
}

export async function run(): Promise<Row[]> {
  // The runner puts the compiled benchmark one folder below bench/.
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const config = TrainingConfig.parse(parse(readFileSync(join(root, 'datasets/digits/teacher.yaml'), 'utf8')));
  return [await row(config.optimizer, config)];
}
