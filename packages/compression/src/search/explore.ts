/**
 * What a search tries, and in which order: a structure in float32, then in every precision that does not already lose too much. Of all that
 * can be tried next, that comes first which may add most to what the front covers, for the work that it makes.
 */
import type { DeviceClass, FrontPoint, RecipePass, SearchBudget } from '@verge/contracts';
import { decodeModel, type Model, normalise } from '@verge/onnx';
import { checkCancelled } from '../errors.js';
import { unitSensitivity } from '../passes/quantize-static/sensitivity.js';
import { needsOf } from '../passes/table.js';
import { byTime, frontPoints } from './choose.js';
import { denseShare, Expectations } from './expected.js';
import type { Costs } from './front.js';
import { inMemory, type JournalEntry, type SearchJournal } from './journal.js';
import type { SearchOptions } from './search.js';
import { sized } from './shares.js';
import { families, FOLD, idOf, int8Without, precisions, quantizeAware } from './space.js';
import { Growth, Tendency } from './structures.js';
import { type Base, decoded, Trials } from './trial.js';

/** A structure whose loss is larger than this many times what is allowed is not made better by fewer bits. */
const HOPELESS = 1.5;
/** What is looked at to choose by, at most; see `Trials`. */
const CHOOSING = 1500;

interface Skipped {
  readonly id: string;
  readonly passes: readonly RecipePass[];
  readonly reason: string;
}

/** A structure that was made, with the precisions that are left for it. */
interface Made {
  readonly plain: JournalEntry & Costs;
  readonly base: Base;
  left: RecipePass[];
}

/** Something to try next. */
interface Step {
  readonly passes: readonly RecipePass[];
  /** What it may add to what the front covers, for its work. */
  readonly worth: number;
  run(): Promise<void>;
}

export class Exploration {
  readonly entries: JournalEntry[] = [];
  readonly skipped: Skipped[] = [];
  readonly notes: string[] = [];
  readonly source: Model;
  readonly #trials: Trials;
  readonly #journal: SearchJournal;
  readonly #earlier: ReadonlyMap<string, JournalEntry>;
  readonly #made: Made[] = [];
  readonly #rescues: Step[] = [];
  readonly #labelled: boolean;
  readonly #seed: number;
  #expected!: Expectations;
  #growths: Growth[] = [];
  #front: readonly FrontPoint[] = [];

  constructor(
    readonly options: SearchOptions,
    readonly budget: SearchBudget,
    readonly target: DeviceClass,
  ) {
    const { train, validation } = options.data;
    this.source = normalise(decodeModel(options.model)).model;
    this.#trials = new Trials(this.source, { ...options, target });
    this.#journal = options.journal ?? inMemory();
    this.#earlier = new Map(this.#journal.earlier.map((entry) => [entry.id, entry]));
    this.#labelled = train.labels.length > 0 && validation.labels.length > 0 && validation.y.length > 0;
    this.#seed = options.seed ?? 1;
  }

  get resumed(): number {
    return this.entries.filter((entry) => this.#earlier.has(entry.id)).length;
  }

  get seconds(): number {
    return this.entries.reduce((sum, entry) => sum + entry.seconds, 0);
  }

  model(id: string): Promise<Uint8Array> {
    return this.#journal.model(id);
  }

  async run(): Promise<void> {
    if (!this.#labelled) this.notes.push('the train and validation parts are not labelled: nothing was fine-tuned');
    try {
      const first = await this.#structure([]);
      const { train, validation } = this.options.data;
      const choosing = Math.min(CHOOSING, validation.y.length || train.y.length);
      const samples = { train: train.y.length, validation: validation.y.length, choosing };
      const dense = denseShare(this.source);
      const source = { bytes: this.options.model.byteLength, macs: Math.max(1, first?.macs ?? 1), dense };
      this.#expected = new Expectations(this.budget, source, samples);
      await this.#plan(source);
      for (let steps = this.#steps(); steps.length > 0; steps = this.#steps()) {
        if (this.seconds >= this.budget.maxSeconds) return this.#outOfTime(steps);
        await steps.reduce((best, step) => (step.worth > best.worth ? step : best)).run();
      }
    } finally {
      await this.#trials.release();
    }
  }

  /** The families, without sizes that come to the same. */
  async #plan(source: Pick<Costs, 'bytes' | 'macs'>): Promise<void> {
    const { createSession, data } = this.options;
    const timed = this.#timesSay && this.budget.maxLatencyMs !== undefined;
    const all = families(this.#labelled, this.#seed, timed);
    const space = await sized(all, this.source, this.target, { createSession, train: data.train });
    const tendencies = new Map(all.map(({ epochs }) => [epochs, new Tendency()]));
    this.#growths = space.map(({ family, left, same }) => {
      for (const { size, reason } of same) this.#skip([family.make(size), FOLD], reason);
      return new Growth(family, source, tendencies.get(family.epochs)!, left);
    });
  }

  /** Says that the best are being measured whole. */
  measures(): void {
    this.options.onProgress?.({ stage: 'measure', tried: this.entries.length, fraction: 1, front: this.#front });
  }

  /** All that can be tried next. */
  #steps(): Step[] {
    return [...this.#made.flatMap((made) => this.#precisionSteps(made)), ...this.#rescues, ...this.#structureSteps()];
  }

  #precisionSteps(made: Made): Step[] {
    return made.left.map((pass) => ({
      passes: [...made.plain.passes, pass],
      worth: this.#expected.worth(this.#front, made.plain, pass),
      run: () => this.#precision(made, pass),
    }));
  }

  #structureSteps(): Step[] {
    return this.#growths.flatMap((growth) =>
      growth.open.map((size) => {
        const pass = growth.family.make(size);
        const worth = this.#expected.worthOfStructure(this.#front, growth.expected(size), pass, precisions(false));
        return { passes: [pass, FOLD], worth, run: () => this.#grow(growth, size, pass) };
      }),
    );
  }

  async #grow(growth: Growth, size: number, pass: RecipePass): Promise<void> {
    const plain = await this.#structure([pass]);
    for (const skipped of growth.tried(size, plain, this.#fits(plain)))
      this.#skip([growth.family.make(skipped.size), FOLD], skipped.reason);
  }

  /** A structure in float32, which opens the precisions for it unless it already loses too much. */
  async #structure(structure: readonly RecipePass[]): Promise<JournalEntry> {
    const start: Base = {
      ...{ model: () => Promise.resolve(this.source), size: this.options.model.byteLength, passes: [], changes: [] },
    };
    const plain = await this.#tried(start, [...structure, FOLD]);
    const { points, bytes, passes, changes } = plain;
    const others = precisions(this.#timesSay);
    if (plain.failed === null && (points === null || bytes === null || this.#hopeless(plain)))
      for (const pass of others)
        this.#skip(
          [...passes, pass],
          `in float32 it already loses ${points === null ? 'all' : points.toFixed(2)} points`,
        );
    else if (points !== null && bytes !== null) {
      const base = { model: async () => decoded(await this.model(plain.id)), size: bytes, passes, changes };
      this.#made.push({ plain: { ...plain, points, bytes, macs: plain.macs ?? 0 }, base, left: others });
    }
    return plain;
  }

  async #precision(made: Made, pass: RecipePass): Promise<void> {
    made.left = made.left.filter((other) => other !== pass);
    const entry = await this.#tried(made.base, [pass]);
    if (!byTime(entry)) this.#expected.found(pass, made.plain, entry);
    if (pass.pass === 'quantize-static') {
      if (entry.failed === null && !this.#fits(entry)) this.#rescues.push(this.#rescue(made, pass));
      return;
    }
    if (!this.#hopeless(entry)) return;
    // Passes of one name come with ever fewer bits.
    const all = precisions(false);
    const place = all.findIndex((other) => idOf([other]) === idOf([pass]));
    const fewer = new Set(
      all
        .slice(place + 1)
        .filter((other) => other.pass === pass.pass)
        .map((other) => idOf([other])),
    );
    made.left = made.left.filter((other) => {
      if (!fewer.has(idOf([other]))) return true;
      this.#skip([...made.plain.passes, other], 'more bits already lose too much, or cannot be had');
      return false;
    });
  }

  /** What may save int8 where it loses too much: as if half of that led to what is allowed. */
  #rescue(made: Made, int8: RecipePass): Step {
    const hoped = { ...made.plain, points: this.budget.maxDropPoints };
    const means = this.#labelled ? quantizeAware(this.#seed) : int8;
    const step: Step = {
      passes: [...made.plain.passes, int8Without(['?'])],
      worth: this.#expected.worthOfHope(this.#front, hoped, int8, means) / 2,
      run: async () => {
        this.#rescues.splice(this.#rescues.indexOf(step), 1);
        await this.#saved(made.base, int8);
      },
    };
    return step;
  }

  /** Training with the roundings; and ever more of the most sensitive nodes in float32, until the loss is within the budget. */
  async #saved(base: Base, int8: RecipePass): Promise<void> {
    const { createSession, data, ports, task, signal } = this.options;
    if (this.#labelled) await this.#tried(base, [quantizeAware(this.#seed)]);
    const samples = needsOf(int8).parts.includes('train') ? data.train : data.validation;
    const common = { createSession, target: this.target, ports, signal, ...(task && { task }) };
    const units = await unitSensitivity(await base.model(), samples, { ...common, precision: 'int8', treat: 'alone' });
    const order = [...units].sort((a, b) => b.rank - a.rank).map(({ unit }) => unit);
    for (let count = 1; count <= order.length / 2; count *= 2)
      if (this.#fits(await this.#tried(base, [int8Without(order.slice(0, count))]))) return;
  }

  /** Whether times of this machine say anything of the target. */
  get #timesSay(): boolean {
    return process.arch === this.target.arch && this.options.timeKernels !== undefined;
  }

  #fits = ({ points }: JournalEntry): boolean => points !== null && points <= this.budget.maxDropPoints;

  #hopeless = ({ points, failed }: JournalEntry): boolean =>
    failed !== null || points === null || points > HOPELESS * this.budget.maxDropPoints + 0.25;

  #outOfTime(steps: readonly Step[]): void {
    for (const { passes } of steps) this.#skip(passes, `the time is over: ${this.budget.maxSeconds} s`);
  }

  #skip(passes: readonly RecipePass[], reason: string): void {
    this.skipped.push({ id: idOf(passes), passes, reason });
  }

  async #tried(base: Base, passes: readonly RecipePass[]): Promise<JournalEntry> {
    const all = [...base.passes, ...passes];
    const id = idOf(all);
    const known = this.#earlier.get(id) ?? this.entries.find((entry) => entry.id === id);
    if (known) return this.#keep(known);
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
    return this.#keep(entry);
  }

  #keep(entry: JournalEntry): JournalEntry {
    if (!this.entries.includes(entry)) {
      this.entries.push(entry);
      this.#front = frontPoints(this.entries);
    }
    return entry;
  }
}
