/** A search on a small network: the same seed gives the same front, taken up or not, and nothing outside of the budget is its best. */
import { expect, it } from 'vitest';
import { DeviceClass, type SearchReport } from '@verge/contracts';
import { Random, type Samples } from '@verge/data';
import { encodeModel } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { inMemory, type JournalEntry, type SearchJournal } from './journal.js';
import { offerOf } from './offer.js';
import { search } from './search.js';

// Of another architecture, so that no time of this machine decides.
const target = DeviceClass.parse({ name: 'edge', arch: process.arch === 'arm64' ? 'x64' : 'arm64' });
const model = encodeModel(buildArchitecture('lenet', { input: [1, 8, 8], classes: 10 }, 3));

function samples(count: number, seed: number): Samples {
  const random = new Random(seed);
  const x = Float32Array.from({ length: count * 64 }, () => random.unit());
  return { name: 'noise', x, y: new Int32Array(count).fill(-1), shape: [1, 8, 8], labels: [] };
}
const data = { train: samples(96, 1), validation: samples(64, 2), test: samples(64, 3) };
const run = (budget: object, journal?: SearchJournal) =>
  search({ model, budget, target, data, createSession, benchmark: benchmarkModels, ...(journal && { journal }) });

/** All that was found but for times, in the order in which it was tried. */
const found = ({ best, variants }: SearchReport) => ({
  best,
  variants: variants.map(({ id, verdict, points, divergence, bytes, macs }) => ({
    ...{ id, verdict, points, divergence, bytes, macs },
  })),
});

it('gives the same front for the same seed, and goes on from a journal that ends anywhere', async () => {
  const kept: JournalEntry[] = [];
  const memory = inMemory();
  const recorded: SearchJournal = {
    ...memory,
    add: (entry, bytes) => {
      kept.push(entry);
      return memory.add(entry, bytes);
    },
  };
  const whole = await run({ maxDropPoints: 5 }, recorded);
  expect(kept.length).toBeGreaterThan(5);
  const half = kept.slice(0, kept.length >> 1);
  const again = await run({ maxDropPoints: 5 }, { ...memory, earlier: half });
  expect(again.report.resumed).toBe(half.length);
  expect(found(again.report)).toEqual(found(whole.report));
  expect(again.model).toEqual(whole.model);

  const offer = offerOf(whole.report)!;
  const best = whole.report.variants.find(({ verdict }) => verdict === 'best')!;
  expect(offer.report).toMatchObject({ offered: true, reasons: [], recipe: offer.recipe.name });
  expect([offer.recipe.passes, offer.report.after]).toEqual([best.passes, best.measured]);
}, 60_000);

/** A search is cut off after so many variants. */
class Cut extends Error {}

it('tunes where there are labels, the same in the same order whether it was cut off or not', async () => {
  const labels = Array.from({ length: 10 }, (_, i) => `${i}`);
  const labelled = (part: Samples): Samples => ({ ...part, labels, y: part.y.map((_, i) => i % 10) });
  const parts = {
    ...{ train: labelled(data.train), validation: labelled(data.validation), test: labelled(data.test) },
  };
  const tried = async (most: number, memory: SearchJournal): Promise<JournalEntry[]> => {
    const kept: JournalEntry[] = [];
    const journal: SearchJournal = {
      ...memory,
      add: async (entry, bytes) => {
        await memory.add(entry, bytes);
        if (kept.push(entry) === most) throw new Cut();
      },
    };
    const options = { model, target, data: parts, createSession, benchmark: benchmarkModels, journal };
    await expect(search({ ...options, budget: { maxDropPoints: 5 } })).rejects.toThrow(Cut);
    return kept;
  };
  const whole = await tried(12, inMemory());
  const memory = inMemory();
  const first = await tried(5, memory);
  const rest = await tried(7, { ...memory, earlier: first });
  const figures = ({ id, points, divergence, bytes, macs, failed }: JournalEntry) => ({
    ...{ id, points, divergence, bytes, macs, failed },
  });
  expect([...first, ...rest].map(figures)).toEqual(whole.map(figures));
  expect(whole.filter(({ id }) => id.includes('tuned')).length).toBeGreaterThan(0);
}, 60_000);

it('has no best and makes no offer where the budget is broken, or a latency cannot be measured here', async () => {
  for (const bound of [{ maxBytes: 100 }, { maxLatencyMs: 1000 }]) {
    const { model: none, report } = await run({ ...bound, maxDropPoints: 5, maxSeconds: 0.3 });
    expect([none, report.best, offerOf(report)]).toEqual([null, null, null]);
  }
}, 30_000);
