/**
 * Search against random search over the same space for the same CPU time: what share of the costs (loss, bytes, operations) the front
 * covers that each has found by then. Fronts are chosen on the validation part and judged on the test part.
 */
import { frontOf, hypervolume, type JournalEntry, randomSearch, search, type SearchJournal } from '@verge/compression';
import { DeviceClass } from '@verge/contracts';
import { loadDigits, type Part, type Samples, splitSamples } from '@verge/data';
import { decodeModel, encodeModel, type Model } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { once, type Journal } from './_journal.js';
import type { Row } from './_row.js';

const SEEDS = [1, 2, 3, 4, 5];
/** CPU seconds that each search has. */
const SECONDS = Number(process.env['VERGE_BENCH_SECONDS'] ?? 6);
/** Points of accuracy: what is allowed, and where the reference of the volume lies. */
const ALLOWED = 1;
const REFERENCE = 2;
/** And of the source's bytes and operations: so what changes one of them alone covers something as well. */
const BEYOND = 1.1;

const networks = ['lenet', 'resnet', 'dscnn'];
// Of another architecture, so that no time of this machine decides.
const target = DeviceClass.parse({ name: 'edge', arch: process.arch === 'arm64' ? 'x64' : 'arm64' });

const cpuSince = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
};

/** The time of a search is over. */
class Over extends Error {}

/** Keeps what comes in time, and ends the search when its CPU time is over. */
class Timed implements SearchJournal {
  readonly earlier: readonly JournalEntry[] = [];
  readonly entries: JournalEntry[] = [];
  readonly #models = new Map<string, Uint8Array>();
  readonly #from = process.cpuUsage();

  add(entry: JournalEntry, model: Uint8Array | null): Promise<void> {
    if (cpuSince(this.#from) > SECONDS) return Promise.reject(new Over());
    this.entries.push(entry);
    if (model) this.#models.set(entry.id, model);
    return Promise.resolve();
  }

  model(id: string): Promise<Uint8Array> {
    return Promise.resolve(this.#models.get(id) as Uint8Array);
  }
}

async function accuracyOf(model: Model, { test }: Record<Part, Samples>): Promise<number> {
  return 100 * score(await predict(model, test, createSession), test.y).accuracy;
}

interface Source {
  readonly model: Model;
  readonly file: Uint8Array;
  readonly data: Record<Part, Samples>;
}

async function trained(name: string, seed: number): Promise<Source> {
  const data = splitSamples(await loadDigits('datasets/digits'), 'digits-v1');
  const network = buildArchitecture(name, { input: data.train.shape, classes: 10 }, seed);
  const { train, validation } = data;
  const optimizer = { name: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learningRate: 0.003, weightDecay: 0.01 };
  const { model } = await fit({
    ...{ model: network, createSession, train, validation, epochs: 12, batchSize: 64, seed },
    optimizer: optimizer as never,
  });
  return { model, file: encodeModel(model), data };
}

/** What the front covers by the test part, of that found in time. */
async function covered({ model, file, data }: Source, macs: number, journal: Timed): Promise<number> {
  const candidates = journal.entries.flatMap(({ id, points, bytes, macs }) =>
    points === null || bytes === null ? [] : [{ id, points, bytes, macs: macs ?? 0 }],
  );
  const before = await accuracyOf(model, data);
  const judged = [];
  for (const one of frontOf(candidates)) {
    const own = decodeModel(await journal.model(one.id));
    judged.push({ ...one, points: before - (await accuracyOf(own, data)) });
  }
  return hypervolume(judged, { points: REFERENCE, bytes: BEYOND * file.byteLength, macs: BEYOND * macs });
}

async function found(run: (journal: Timed) => Promise<unknown>): Promise<Timed> {
  const journal = new Timed();
  await run(journal).catch((error: unknown) => {
    if (!(error instanceof Over)) throw error;
  });
  return journal;
}

async function compared(name: string, seed: number): Promise<{ ours: number; random: number }> {
  const source = await trained(name, seed);
  const { file, data } = source;
  const common = { model: file, data, target, seed, createSession, benchmark: benchmarkModels };
  const budget = { maxDropPoints: ALLOWED, maxSeconds: 1e6 };
  const ours = await found((journal) => search({ ...common, budget, journal }));
  const random = await found((journal) => randomSearch({ ...common, journal }));
  // The operations of the folded source are those of the source.
  const macs = ours.entries[0]?.macs ?? 1;
  const result = { ours: await covered(source, macs, ours), random: await covered(source, macs, random) };
  console.log(
    `  ${name}, seed ${seed}: ${ours.entries.length} variants cover ${(100 * result.ours).toFixed(1)} %, ` +
      `random search's ${random.entries.length} cover ${(100 * result.random).toFixed(1)} %`,
  );
  return result;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

export async function searchRows(journal: Journal): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of networks) {
    const own: Row[] = [];
    for (const seed of SEEDS)
      own.push(
        ...(await once(journal, `search of ${name}, seed ${seed}, ${SECONDS} CPU s`, async () => {
          const { ours, random } = await compared(name, seed);
          const ratio = ours / Math.max(random, 1e-9);
          return {
            unit: '% of the costs covered',
            ours: 100 * ours,
            peer: 100 * random,
            peerName: 'random',
            ratio,
            bar: 0,
          };
        })),
      );
    rows.push(...own);
    const all = (side: 'ours' | 'peer'): number[] => own.map((row) => row[side]);
    const spread = (side: 'ours' | 'peer'): string =>
      `${Math.min(...all(side)).toFixed(1)} to ${Math.max(...all(side)).toFixed(1)}`;
    console.log(`  ${name}: ${spread('ours')} %, random search ${spread('peer')} %`);
    const [ours, peer] = [mean(all('ours')), mean(all('peer'))];
    const work = `search of ${name}, mean of ${SEEDS.length} seeds, ${SECONDS} CPU s`;
    const ratio = ours / Math.max(peer, 1e-9);
    rows.push({ work, unit: '% of the costs covered', ours, peer, peerName: 'random', ratio, bar: 1, ok: ratio >= 1 });
  }
  return rows;
}
