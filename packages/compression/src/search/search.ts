/**
 * The best variant of a model within a budget: variants are made of the passes and measured cheaply, the least costly to make first; the
 * best few are then measured whole. What is tried follows from what was found, not from times, so that the same seed gives the same front.
 */
import {
  DeviceClass,
  type FrontPoint,
  type RecipePass,
  SearchBudget,
  SearchReport,
  type SearchVariant,
} from '@verge/contracts';
import { checkSamples } from '@verge/data';
import { decodeModel, type Model, normalise } from '@verge/onnx';
import { checkCancelled, CompressionError } from '../errors.js';
import { parsed } from '../parsed.js';
import { unitSensitivity } from '../passes/quantize-static/sensitivity.js';
import { needsOf } from '../passes/table.js';
import { chosen, frontPoints } from './choose.js';
import { inMemory, type JournalEntry, type SearchJournal } from './journal.js';
import { between, type Family, families, FOLD, idOf, int8Without, precisions, quantizeAware } from './space.js';
import { type Base, decoded, type TrialContext, Trials } from './trial.js';

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

/** A structure whose loss is larger than this many times what is allowed is not made better by fewer bits. */
const HOPELESS = 1.5;
const HALVINGS = 1;

interface Skipped {
  readonly id: string;
  readonly passes: readonly RecipePass[];
  readonly reason: string;
}

class Search {
  readonly entries: JournalEntry[] = [];
  readonly skipped: Skipped[] = [];
  readonly notes: string[] = [];
  readonly source: Model;
  readonly #trials: Trials;
  readonly #journal: SearchJournal;
  readonly #earlier: ReadonlyMap<string, JournalEntry>;
  readonly #byTime: boolean;
  #front: readonly FrontPoint[] = [];

  constructor(
    readonly options: SearchOptions,
    readonly budget: SearchBudget,
    readonly target: DeviceClass,
  ) {
    this.source = normalise(decodeModel(options.model)).model;
    this.#trials = new Trials(this.source, { ...options, target });
    this.#journal = options.journal ?? inMemory();
    this.#earlier = new Map(this.#journal.earlier.map((entry) => [entry.id, entry]));
    this.#byTime = process.arch === target.arch && options.timeKernels !== undefined;
  }

  get resumed(): number {
    return this.entries.filter((entry) => this.#earlier.has(entry.id)).length;
  }

  get seconds(): number {
    return this.entries.reduce((sum, entry) => sum + entry.seconds, 0);
  }

  async run(): Promise<void> {
    const { seed = 1 } = this.options;
    const labelled = this.#labelled;
    if (!labelled) this.notes.push('the train and validation parts are not labelled: nothing was fine-tuned');
    try {
      await this.#withPrecisions(this.#base(), []);
      for (const family of families(labelled, seed)) await this.#grown(family);
    } finally {
      await this.#trials.release();
    }
  }

  get #labelled(): boolean {
    const { train, validation } = this.options.data;
    return train.labels.length > 0 && validation.labels.length > 0 && validation.y.length > 0;
  }

  model(id: string): Promise<Uint8Array> {
    return this.#journal.model(id);
  }

  async #decoded(id: string): Promise<Model> {
    return decoded(await this.model(id));
  }

  #base(): Base {
    return { model: () => Promise.resolve(this.source), size: this.options.model.byteLength, passes: [], changes: [] };
  }

  #fits = ({ points }: JournalEntry): boolean => points !== null && points <= this.budget.maxDropPoints;

  #hopeless = ({ points, failed }: JournalEntry): boolean =>
    failed !== null || points === null || points > HOPELESS * this.budget.maxDropPoints + 0.25;

  /** More of a family until that loses too much, then half-way back. */
  async #grown(family: Family): Promise<void> {
    let good = 0;
    let bad: number | null = null;
    let failed: number | null = null;
    for (const size of family.sizes) {
      const before = failed ?? bad;
      if (before !== null) {
        const why = failed === null ? 'already loses too much' : 'could not be had';
        this.#skip([family.make(size), FOLD], `${family.name}: ${before} ${why}`);
        continue;
      }
      const fits = await this.#withPrecisions(this.#base(), [family.make(size)]);
      if (fits === null) failed = size;
      else if (fits) good = size;
      else bad = size;
    }
    for (let i = 0; i < HALVINGS && bad !== null && good > 0; i++) {
      const size = between(good, bad);
      if (size === null) return;
      if (await this.#withPrecisions(this.#base(), [family.make(size)])) good = size;
      else bad = size;
    }
  }

  /**
   * A structure in float32, and where that is not hopeless in every precision.
   * @returns whether its loss in float32 is within the budget; null where it cannot be made
   */
  async #withPrecisions(base: Base, structure: readonly RecipePass[]): Promise<boolean | null> {
    const plain = await this.#tried(base, [...structure, FOLD]);
    if (!plain || plain.failed !== null) return null;
    const others = precisions(this.#byTime);
    if (this.#hopeless(plain)) {
      for (const pass of others)
        this.#skip([...plain.passes, pass], `in float32 it already loses ${shown(plain.points)} points`);
      return false;
    }
    const own = {
      model: () => this.#decoded(plain.id),
      size: plain.bytes ?? 0,
      passes: plain.passes,
      changes: plain.changes,
    };
    // Passes of one name come with ever fewer bits.
    const lost = new Set<string>();
    for (const pass of others) {
      if (lost.has(pass.pass)) {
        this.#skip([...plain.passes, pass], 'more bits already lose too much, or cannot be had');
        continue;
      }
      const entry = await this.#tried(own, [pass]);
      if (!entry) return null;
      if (pass.pass !== 'quantize-static') {
        if (this.#hopeless(entry)) lost.add(pass.pass);
      } else if (entry.failed === null && !this.#fits(entry)) await this.#saved(own, pass);
    }
    return this.#fits(plain);
  }

  /**
   * What may save int8 where it loses too much: ever more of the most sensitive nodes in float32, until the loss is within the budget; and
   * training with the roundings.
   */
  async #saved(base: Base, int8: RecipePass): Promise<void> {
    const { createSession, data, ports, task, signal, seed = 1 } = this.options;
    if (this.#timeIsOver([...base.passes, int8Without(['?'])])) return;
    if (this.#labelled) await this.#tried(base, [quantizeAware(seed)]);
    const samples = needsOf(int8).parts.includes('train') ? data.train : data.validation;
    const common = { createSession, target: this.target, ports, signal, ...(task && { task }) };
    const units = await unitSensitivity(await base.model(), samples, { ...common, precision: 'int8', treat: 'alone' });
    const order = [...units].sort((a, b) => b.rank - a.rank).map(({ unit }) => unit);
    for (let count = 1; count <= order.length / 2; count *= 2) {
      const entry = await this.#tried(base, [int8Without(order.slice(0, count))]);
      if (!entry || this.#fits(entry)) return;
    }
  }

  #timeIsOver(passes: readonly RecipePass[]): boolean {
    if (this.seconds < this.budget.maxSeconds) return false;
    this.#skip(passes, `the time is over: ${this.budget.maxSeconds} s`);
    return true;
  }

  #skip(passes: readonly RecipePass[], reason: string): void {
    this.skipped.push({ id: idOf(passes), passes, reason });
  }

  /** @returns null where there is no time for it */
  async #tried(base: Base, passes: readonly RecipePass[]): Promise<JournalEntry | null> {
    const all = [...base.passes, ...passes];
    const id = idOf(all);
    const known = this.#earlier.get(id) ?? this.entries.find((entry) => entry.id === id);
    if (known) {
      if (!this.entries.includes(known)) {
        this.entries.push(known);
        this.#front = frontPoints(this.entries);
      }
      return known;
    }
    if (this.#timeIsOver(all)) return null;
    checkCancelled(this.options.signal);
    const report = (): void =>
      this.options.onProgress?.({
        stage: id,
        tried: this.entries.length,
        fraction: Math.min(1, this.seconds / this.budget.maxSeconds),
        front: this.#front,
      });
    report();
    const { entry, bytes } = await this.#trials.try(id, base, passes, report);
    await this.#journal.add(entry, bytes);
    this.entries.push(entry);
    this.#front = frontPoints(this.entries);
    return entry;
  }

  /** Says that the best are being measured whole. */
  measures(): void {
    this.options.onProgress?.({ stage: 'measure', tried: this.entries.length, fraction: 1, front: this.#front });
  }
}

const shown = (points: number | null): string => (points === null ? 'all' : points.toFixed(2));

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
  const run = new Search(options, budget, target);
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
