/** What a search keeps of each variant that it tried, so that it can be taken up after it was killed. */
import type { PassReport, RecipePass } from '@verge/contracts';

export interface JournalEntry {
  readonly id: string;
  readonly passes: readonly RecipePass[];
  /** Null where the loss has no bound. */
  readonly points: number | null;
  readonly lossBy: string | null;
  readonly divergence: number | null;
  readonly bytes: number | null;
  readonly macs: number | null;
  readonly seconds: number;
  readonly changes: readonly PassReport[];
  /** Why there is no model. */
  readonly failed: string | null;
}

/**
 * Where a search keeps what it tried. An entry that is there has its model there too; one that was being written when the search was killed
 * is not there.
 */
export interface SearchJournal {
  /** Of earlier runs, in their order. */
  readonly earlier: readonly JournalEntry[];
  add(entry: JournalEntry, model: Uint8Array | null): Promise<void>;
  /** The model of an entry. */
  model(id: string): Promise<Uint8Array>;
}

/** A journal that ends with the process. */
export function inMemory(): SearchJournal {
  const models = new Map<string, Uint8Array>();
  return {
    earlier: [],
    add: (entry, model) => {
      if (model) models.set(entry.id, model);
      return Promise.resolve();
    },
    model: (id) => Promise.resolve(models.get(id) as Uint8Array),
  };
}
