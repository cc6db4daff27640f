/**
 * What low-rank adapters are worth on the digits: a LeNet that tells 0 to 4 apart gets a new head and learns 5 to 9, with the head
 * alone, with adapters of several ranks, or whole. The learning rate is chosen by the validation loss; seeds change
 * weights, heads, adapters and shuffles.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadDigits, pick, splitSamples, type Samples } from '@verge/data';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, replaceHead, score, type FitOptions, type FitResult } from '@verge/training';
import type { Row } from './_row.js';

const SEEDS = [1, 2, 3];
const RATES = [0.003, 0.01, 0.03];
const EPOCHS = 15;

// The runner puts the compiled benchmark one folder below bench/.
const here = dirname(fileURLToPath(import.meta.url));
const root = here.endsWith('dist') ? join(here, '..', '..') : join(here, '..');
const parts = splitSamples(await loadDigits(join(root, 'datasets/digits')), 'digits-v1');

/** Five classes from `from` on, up to `most` samples of them. */
function five(samples: Samples, from: number, most = Infinity): Samples {
  const rows = [...samples.y.keys()].filter((i) => samples.y[i]! >= from && samples.y[i]! < from + 5);
  const some = pick(samples, rows.slice(0, most));
  return { ...some, y: Int32Array.from(some.y, (label) => label - from) };
}

const validation = five(parts.validation, 5);
const test = five(parts.test, 5);
const common = { createSession, batchSize: 32, epochs: EPOCHS } as const;

async function base(seed: number): Promise<FitResult> {
  const model = buildArchitecture('lenet', { input: [1, 8, 8], classes: 5 }, seed);
  const low = { train: five(parts.train, 0), validation: five(parts.validation, 0) };
  return fit({ ...common, ...low, model, seed, optimizer: { name: 'adamw', learningRate: 0.003 } });
}

type Ways = Readonly<Record<string, Partial<FitOptions>>>;

function waysOf(head: readonly string[]): Ways {
  const trainable = (name: string): boolean => head.includes(name);
  const rank = (r: number): Partial<FitOptions> => ({ lora: { match: ['*'], rank: r, alpha: 2 * r }, trainable });
  return { 'head alone': { trainable }, 'rank 1': rank(1), 'rank 2': rank(2), 'rank 4': rank(4), everything: {} };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean test accuracy in percent, by what moves. */
async function accuracies(most: number): Promise<Map<string, number>> {
  const found = new Map<string, number[]>();
  const train = five(parts.train, 5, most);
  for (const seed of SEEDS) {
    const { model, parameters } = replaceHead((await base(seed)).model, { classes: 5, seed });
    for (const [way, more] of Object.entries(waysOf(parameters))) {
      const runs: FitResult[] = [];
      for (const learningRate of RATES) {
        const optimizer = { name: 'adamw', learningRate } as const;
        runs.push(await fit({ ...common, model, train, validation, seed, optimizer, ...more }));
      }
      const best = runs.reduce((a, b) => (b.validation.loss < a.validation.loss ? b : a));
      const { accuracy } = score(await predict(best.model, test, createSession), test.y);
      found.set(way, [...(found.get(way) ?? []), 100 * accuracy]);
    }
  }
  return new Map([...found].map(([way, values]) => [way, mean(values)]));
}

export async function rows(): Promise<Row[]> {
  const measured: Row[] = [];
  for (const most of [100, Infinity]) {
    const all = await accuracies(most);
    const figures = [...all].map(([way, value]) => `${way} ${value.toFixed(1)}`).join(', ');
    const [ours, peer] = [all.get('rank 4')!, all.get('head alone')!];
    measured.push({
      work: `digits 5 to 9 by a LeNet of 0 to 4, ${most === Infinity ? 'all' : most} samples: ${figures}`,
      ...{ unit: '%', ours, peer, peerName: 'a new head alone', ratio: ours / peer, bar: 1, ok: ours >= peer },
    });
  }
  return measured;
}
