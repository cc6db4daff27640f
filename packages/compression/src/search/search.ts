/**
 * The best variant of a model within a budget: variants are made of the passes and measured cheaply, what promises most for its work first;
 * the best few are then measured whole. What is tried follows from what was found, not from times, so that the same seed gives the same front.
 */
import { DeviceClass, type FrontPoint, SearchBudget, SearchReport, type SearchVariant } from '@verge/contracts';
import { checkSamples } from '@verge/data';
import { CompressionError } from '../errors.js';
import { parsed } from '../parsed.js';
import { chosen } from './choose.js';
import { Exploration } from './explore.js';
import type { JournalEntry, SearchJournal } from './journal.js';
import type { TrialContext } from './trial.js';

export interface SearchProgress {
  /** What is tried. */
  readonly stage: string;
  /** Variants tried so far. */
  readonly tried: number;
  /** Share of the time that is spent, 0 to 1; the end may come before. */
  readonly fraction: number;
  /** Of the variants tried so far. */
  readonly front: readonly FrontPoint[];
}

export interface SearchOptions extends TrialContext {
  readonly model: Uint8Array;
  /** Validated here; defaults are filled in. */
  readonly budget: unknown;
  readonly seed?: number;
  /** What earlier runs with the same model, data, budget and seed tried; in memory when absent. */
  readonly journal?: SearchJournal;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface Searched {
  /** The best variant within the budget; null where there is none. */
  readonly model: Uint8Array | null;
  readonly report: SearchReport;
}

/**
 * @throws CompressionError `bad-recipe` for a budget or target that is none, `bad-samples` without a sample to choose by or to measure,
 *   `cancelled`
 */
export async function search(options: SearchOptions): Promise<Searched> {
  const budget = parsed(SearchBudget, options.budget, 'budget');
  const target = parsed(DeviceClass, options.target, 'target');
  const { data, seed = 1 } = options;
  for (const part of Object.values(data)) checkSamples(part);
  if (data.train.y.length === 0)
    throw new CompressionError('bad-samples', 'the train part is empty: nothing calibrates');
  if (data.test.y.length === 0)
    throw new CompressionError('bad-samples', 'the test part is empty: nothing is measured');
  const run = new Exploration(options, budget, target);
  await run.run();
  run.measures();
  const found = await chosen(run, options, budget, target);
  const verdictOf = (entry: JournalEntry): Pick<SearchVariant, 'verdict' | 'reason'> => found.verdicts.get(entry.id)!;
  const variants: SearchVariant[] = [
    ...run.entries.map(({ failed: _failed, passes, changes, ...entry }) => {
      const measured = found.measured.get(entry.id);
      const own = { ...entry, passes: [...passes], changes: [...changes] };
      return { ...own, ...verdictOf({ ...own, failed: _failed }), ...(measured && { measured }) };
    }),
    ...run.skipped.map(({ id, passes, reason }) => ({
      ...{ id, passes: [...passes], verdict: 'not-tried' as const, reason, changes: [], seconds: 0 },
      ...{ points: null, lossBy: null, divergence: null, bytes: null, macs: null },
    })),
  ];
  const report = SearchReport.parse({
    schema: 'verge.search-report/1',
    ...{ target, budget, seed, seconds: run.seconds, resumed: run.resumed, before: found.before },
    ...{ best: found.best, nearest: found.nearest, variants, notes: [...run.notes, ...found.notes] },
  });
  return { model: found.best === null ? null : await run.model(found.best), report };
}
