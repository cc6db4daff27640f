/**
 * Search against random search over the same space for the same CPU time: what share of the costs (loss, bytes, operations) the front
 * covers that each has found by then. Fronts are chosen on the validation part and judged on the test part.
 */
import { frontOf, hypervolume, type JournalEntry, randomSearch, search, type SearchJournal } from '@verge/compression';
import { DeviceClass } from '@verge/contracts';
import { decodeModel, encodeModel, type Model } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { predict, score } from '@verge/training';
import { type Data, present, type Searched, searched, trainedOn } from './_compression-search-sources.js';
import { inTurns, type Next } from './_in-turns.js';
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

// Of another architecture, so that no time of this machine decides.
const target = DeviceClass.parse({ name: 'edge', arch: process.arch === 'arm64' ? 'x64' : 'arm64' });

/** Keeps what comes in time. */
class Timed implements SearchJournal {
  readonly earlier: readonly JournalEntry[] = [];
  readonly entries: JournalEntry[] = [];
  readonly #models = new Map<string, Uint8Array>();

  #next: Next = () => Promise.resolve();

  paced(next: Next): this {
    this.#next = next;
    return this;
  }

  async add(entry: JournalEntry, model: Uint8Array | null): Promise<void> {
    await this.#next();
    this.entries.push(entry);
    if (model) this.#models.set(entry.id, model);
  }

  model(id: string): Promise<Uint8Array> {
    return Promise.resolve(this.#models.get(id) as Uint8Array);
  }
}

export interface Source {
  readonly model: Model;
  readonly file: Uint8Array;
  readonly data: Data;
}

async function accuracyOf(model: Model, { test }: Data): Promise<number> {
  return 100 * score(await predict(model, test, createSession), test.y).accuracy;
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

/** One network, trained once; seeds are those of the searches. */
async function sourceOf(one: Searched): Promise<Source> {
  const data = await one.data(process.env['VERGE_DATA'] ?? '');
  const model = await trainedOn(one, data, 1);
  return { model, file: encodeModel(model), data };
}

/** @param seed of both searches */
export async function compared(name: string, source: Source, seed: number): Promise<{ ours: number; random: number }> {
  const { file, data } = source;
  const common = { model: file, data, target, seed, createSession, benchmark: benchmarkModels };
  const budget = { maxDropPoints: ALLOWED, maxSeconds: 1e6 };
  const [ours, random] = [new Timed(), new Timed()];
  await inTurns(SECONDS, [
    (next) => search({ ...common, budget, journal: ours.paced(next) }),
    (next) => randomSearch({ ...common, journal: random.paced(next) }),
  ]);
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
  const only = process.env['VERGE_BENCH_NETWORKS']?.split(',');
  for (const one of searched.filter(({ name }) => !only || only.some((part) => name.includes(part)))) {
    if (!present(one)) {
      console.log(`  ${one.name}: skipped, for VERGE_DATA names no folder with ${one.needs}`);
      continue;
    }
    let source: Promise<Source> | undefined;
    const own: Row[] = [];
    for (const seed of SEEDS)
      own.push(
        ...(await once(journal, `search: ${one.name}, seed ${seed}, ${SECONDS} CPU s`, async () => {
          const { ours, random } = await compared(one.name, await (source ??= sourceOf(one)), seed);
          const unit = '% of the costs covered';
          const ratio = ours / Math.max(random, 1e-9);
          return { unit, ours: 100 * ours, peer: 100 * random, peerName: 'random', ratio, bar: 0 };
        })),
      );
    rows.push(...own);
    const all = (side: 'ours' | 'peer'): number[] => own.map((row) => row[side]);
    const spread = (side: 'ours' | 'peer'): string =>
      `${Math.min(...all(side)).toFixed(1)} to ${Math.max(...all(side)).toFixed(1)}`;
    console.log(`  ${one.name}: ${spread('ours')} %, random search ${spread('peer')} %`);
    const [ours, peer] = [mean(all('ours')), mean(all('peer'))];
    const work = `search: ${one.name}, mean of ${SEEDS.length} seeds, ${SECONDS} CPU s`;
    const ratio = ours / Math.max(peer, 1e-9);
    const row = { work, unit: '% of the costs covered', ours, peer, peerName: 'random', ratio, bar: 1, ok: ratio >= 1 };
    journal.add(row);
    rows.push(row);
  }
  return rows;
}
