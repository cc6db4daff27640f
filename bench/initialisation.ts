/**
 * What networks reach by the rule that their weights start with: eight tasks, every rule, three learning rates and seeds.
 *
 * `VERGE_BENCH_ONLY` names tasks, with commas between them; `VERGE_BENCH_RATES=own` leaves out two of the learning rates. Finished trainings are kept in `.verge/bench/initialisation.jsonl`
 * under a digest of what was trained, and not repeated; two processes with different tasks may share that file.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Initialisation } from '@verge/contracts';
import { createSession } from '@verge/runtime';
import {
  buildArchitecture,
  defaultInitialisation,
  fit,
  predict,
  score,
  TrainingError,
  type InitialisationRule,
} from '@verge/training';
import { initialisationTasks, type InitialisationTask, type TaskData } from './_initialisation-tasks.js';
import { trainedByPeer } from './_initialisation-peer.js';
import { bestRates, tables, type Finished } from './_initialisation-table.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

/** All but `normal`, which is nearly `truncated-normal` and meant for DCGAN. */
const RULES = Initialisation.options.filter(
  (rule): rule is InitialisationRule => rule !== 'default' && rule !== 'normal',
);
const SEEDS = [1, 2, 3];
/** Of the task's own learning rate; that one first, so that a run which is cut short has it whole. */
const FACTORS = process.env['VERGE_BENCH_RATES'] === 'own' ? [1] : [1, 1 / 3, 3];
/** How far the mean of the default may stay behind that of the best rule, as a ratio. */
const BAR = 0.98;

const torch = peerVersions(['torch']);
const kept = resolve('.verge/bench/initialisation.jsonl');

type Choice = Pick<Finished, 'rule' | 'variant' | 'params'>;
type Planned = Omit<Finished, 'digest' | 'validation' | 'test'>;

/** Trains one network to the end of its schedule; accuracies of the last epoch as shares. */
async function trained(task: InitialisationTask, data: TaskData, run: Planned): Promise<[number, number]> {
  const { architecture, params, batchSize, epochs, augment, labelSmoothing } = task;
  const { train, validation, test, classes } = data;
  const options = { input: train.shape, classes, params: { ...params, ...run.params }, init: run.rule };
  try {
    const result = await fit({
      model: buildArchitecture(architecture, options, run.seed),
      ...{ createSession, train, validation, epochs, batchSize, augment, labelSmoothing },
      ...{ seed: run.seed, keep: 'last', maxGradientNorm: task.maxGradientNorm },
      optimizer: { ...task.optimizer, learningRate: task.optimizer.learningRate * run.factor },
      schedule: { name: 'cosine', warmupEpochs: 1 },
    });
    const found = score(await predict(result.model, test, createSession), test.y);
    return [result.validation.accuracy, found.accuracy];
  } catch (error) {
    if (!(error instanceof TrainingError && error.code === 'diverged')) throw error;
    // A training that diverged recognises nothing better than chance does.
    return [1 / classes, 1 / classes];
  }
}

/** What a training depends on, as one word. */
function digestOf(task: InitialisationTask, run: Planned): string {
  const { data: _data, augment: _augment, present: _present, peer: _peer, ...plan } = task;
  return createHash('sha256')
    .update(JSON.stringify([plan, run]))
    .digest('hex')
    .slice(0, 16);
}

function finishedBefore(): Map<string, Finished> {
  if (!existsSync(kept)) return new Map();
  const lines = readFileSync(kept, 'utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line) as Finished).map((run) => [run.digest, run]));
}

/** The trainings of this name are PyTorch's own. */
const BY_PEER = 'trained by PyTorch';

/** What is compared on a task: every rule, what else it names beside some of them, and PyTorch's own training. */
function choicesOf({ extra = {}, extraRules, peer }: InitialisationTask): Choice[] {
  const plain = RULES.map((rule) => ({ rule, variant: '', params: {} }));
  const beside = Object.entries(extra).flatMap(([variant, params]) =>
    extraRules.map((rule) => ({ rule, variant, params })),
  );
  const peers: Choice[] = peer && torch ? [{ rule: 'pytorch', variant: BY_PEER, params: {} }] : [];
  return [...plain, ...beside, ...peers];
}

/** The trainings of a task at one learning rate; those that were finished before are not repeated. */
async function finish(task: InitialisationTask, factor: number): Promise<Finished[]> {
  let data: TaskData | undefined;
  const before = finishedBefore();
  const runs: Finished[] = [];
  for (const choice of choicesOf(task)) {
    for (const seed of SEEDS) {
      const run = { task: task.name, ...choice, factor, seed };
      const digest = digestOf(task, run);
      let done = before.get(digest);
      if (!done) {
        data ??= await task.data();
        const [validation, test] =
          run.variant === BY_PEER ? trainedByPeer(task, data, factor, seed) : await trained(task, data, run);
        done = { ...run, digest, validation, test };
        mkdirSync(dirname(kept), { recursive: true });
        appendFileSync(kept, JSON.stringify(done) + '\n');
      }
      runs.push(done);
    }
  }
  return runs;
}

function rowOf(task: InitialisationTask, runs: readonly Finished[]): Row {
  const best = bestRates(runs);
  const chosen = best.get(defaultInitialisation(task.architecture))!;
  // What PyTorch trains is no rule.
  const [name, top] = [...best].filter(([n]) => !n.endsWith(BY_PEER)).sort((a, b) => b[1].mean - a[1].mean)[0]!;
  const ratio = chosen.mean / top.mean;
  return {
    work: `${task.name}: ${task.text}, test accuracy, mean of ${SEEDS.length} seeds, default initialisation`,
    ...{ unit: '%', ours: chosen.mean, peer: top.mean, peerName: `best, ${name}`, ratio, bar: BAR, ok: ratio >= BAR },
  };
}

export async function run(): Promise<Row[]> {
  const only = process.env['VERGE_BENCH_ONLY']?.split(',');
  const tasks = initialisationTasks.filter(({ name, present }) => {
    if (only && !only.includes(name)) return false;
    if (!present()) console.log(`  ${name}: skipped, for VERGE_DATA does not name a folder that has its data`);
    return present();
  });
  const runs: Finished[] = [];
  for (const factor of FACTORS) for (const task of tasks) runs.push(...(await finish(task, factor)));
  console.log(tables(runs));
  return tasks.map((task) =>
    rowOf(
      task,
      runs.filter((r) => r.task === task.name),
    ),
  );
}
