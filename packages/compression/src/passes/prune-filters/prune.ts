/** Filter pruning: score, remove with everything that depends on it, fine-tune. */
import type { ChannelSensitivity, RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { checkCancelled, CompressionError } from '../../errors.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import { dependencies, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { keptByShare, keysOf, leastRemoval, type Ranked, restOf } from './amount.js';
import { type Cost, macsOf, someFeeds, timeOf, type TimedTarget, wholeTimes, workOf } from './costs.js';
import type { Importance } from '../../study/gradients.js';
import { type OwnRatios, ratiosOf } from './own-ratios.js';
import { scoreFilters } from './score.js';
import { studySpaces } from './sensitivity.js';
import { sortOut } from './prunable.js';
import { epochsOf, type Pace, progressOf } from './rounds.js';
import { type Trial, type Verified, verified } from './verify.js';

type Config = Extract<RecipePass, { pass: 'prune-filters' }>;

/** The recipe's fields, with the block of the target where the recipe says none; one round where they say nothing else. */
export type PruneOptions = Omit<Config, 'pass' | 'multiple' | 'importance' | 'rounds' | 'pace' | 'ratios'> & {
  multiple: number;
  importance?: Importance;
  rounds?: number;
  pace?: Pace;
  ratios?: OwnRatios;
  /** The class that `latency` is asked for; its kernels are timed by the context's `timeKernels`. */
  target?: TimedTarget;
};

/** Share of a round that ranking and measuring take; the rest is training. */
const scoringShare = 0.1;

/** Samples on which the cut model is held against the masked one. */
const VERIFIED_SAMPLES = 4;

/** How often more is removed where the whole model turns out slower than the sum of its kernels foretold. */
const TRIES = 3;

/** Runs models on a few samples, or on as many as they take at once. */
function trialOf(model: Model, context: PassContext): Trial {
  const bind = (of: Model): Model => boundToSamples(of, context.train, context.ports);
  return { feeds: someFeeds(bind(model), context, VERIFIED_SAMPLES), bind, createSession: context.createSession };
}

function nothing(declined: PassResult['declined']): CompressionError {
  const problems = declined.map((d) => `${d.node}: ${d.reason}`);
  return new CompressionError('unsuitable-model', `no filter can be removed: ${problems.join('; ')}`, { problems });
}

/** Spaces of a round that something can go from. */
interface Prunable {
  readonly spaces: readonly Space[];
  /** By `keysOf`, over all that could lose something if no removal had failed. */
  readonly keys: readonly string[];
  readonly ratios: readonly (number | null)[];
}

class Pruning {
  readonly #declined = new Map<string, string>();
  readonly #failed = new Map<string, string>();
  /** Classes that each space had at first, by key, and how many channels of its widest producer one has. */
  readonly #first = new Map<string, { classes: number; width: number }>();
  readonly #progress: readonly number[];
  readonly #epochs: readonly number[];
  readonly #notes: string[] = [];
  /** What is to be saved, where that is no share of the filters. */
  readonly #cost: Cost | null;
  readonly #share: number;
  #whole: number | null = null;
  #removed = 0;
  #sensitivity: ChannelSensitivity[] | null = null;

  constructor(
    readonly original: Model,
    readonly options: PruneOptions,
    readonly context: PassContext,
  ) {
    const { rounds = 1, pace = 'cubic', fineTune, macs, latency, target } = options;
    this.#progress = progressOf(rounds, pace);
    this.#epochs = epochsOf(fineTune.epochs, rounds);
    this.#cost = latency !== undefined ? timeOf(context, target) : macs !== undefined ? workOf(context) : null;
    this.#share = latency ?? macs ?? 1;
  }

  async run(): Promise<PassResult> {
    let model = this.original;
    for (const round of this.#progress.keys()) {
      checkCancelled(this.context.signal);
      const followed = await dependencies(model, this.context.createSession, this.options.multiple);
      const prunable = this.#prunable(followed, round === 0);
      // What is left is one block of each layer.
      if (prunable.spaces.length > 0) model = await this.#cut(followed, prunable, round);
      const { fineTune: tuning } = this.options;
      model = await fineTune(
        model,
        this.original,
        { ...tuning, epochs: this.#epochs[round] as number },
        this.#part(round),
      );
    }
    return {
      model,
      changes: this.#changes(),
      declined: this.#reasons(),
      notes: [...this.#notes, ...this.#missed(model)],
      ...(this.#sensitivity && { sensitivity: this.#sensitivity }),
    };
  }

  /** What could not be removed, removals that failed their verification among it, is not made up for: what is left then is said. */
  #missed(model: Model): string[] {
    const { macs } = this.options;
    if (macs === undefined || this.#whole === null) return [];
    const [left, most] = [macsOf(model, this.context), this.#whole * macs];
    return left !== null && left <= most
      ? []
      : [`${left ?? 'an unknown number of'} multiply-accumulates are left, where ${Math.floor(most)} were asked for`];
  }

  #prunable(followed: Dependencies, first: boolean): Prunable {
    const { prunable, declined } = sortOut(followed.spaces, this.options.multiple);
    const keys = keysOf(prunable);
    if (first) {
      for (const { node, reason } of declined) this.#declined.set(node, reason);
      if (prunable.length === 0) throw nothing(declined);
      prunable.forEach(({ classes, width }, s) => this.#first.set(keys[s]!, { classes: classes.length, width }));
    }
    const ratios = ratiosOf(followed.model, followed.spaces, this.options.ratios ?? []);
    const left = prunable.map((_, s) => s).filter((s) => !this.#failed.has(keys[s]!));
    return {
      spaces: left.map((s) => prunable[s]!),
      keys: left.map((s) => keys[s]!),
      ratios: left.map((s) => ratios[followed.spaces.indexOf(prunable[s]!)]!),
    };
  }

  async #ranked(followed: Dependencies, { spaces, keys, ratios }: Prunable, round: number): Promise<Ranked> {
    const { options, context } = this;
    const { scope, multiple } = options;
    const parts = scope === 'sensitivity' ? 2 : 1;
    const report = (done: number): void =>
      context.onProgress?.((round + (done / parts) * scoringShare) / this.#progress.length);
    const ranked = { importance: options.importance, norm: options.norm, batches: options.scoreBatches };
    const rows = options.fineTune.batchSize;
    const scores = await this.#shared(followed.model, { ...ranked, rows, keys }, () =>
      scoreFilters(followed.model, spaces, context.train, {
        ...ranked,
        ports: context.ports,
        batchSize: rows,
        createSession: context.createSession,
        signal: context.signal,
        onProgress: report,
      }),
    );
    const steps = spaces.map((space) => space.step(multiple));
    const own = spaces.map((space, s) => {
      const first = this.#first.get(keys[s]!)?.classes ?? space.classes.length;
      const ratio = ratios[s] ?? null;
      return ratio === null ? null : restOf(space.classes.length, first, ratio * this.#progress[round]!);
    });
    const ranking = { dependencies: followed, spaces, keys, scores, steps };
    if (scope !== 'sensitivity') return { ...ranking, scope, own };
    const saving = options.latency !== undefined ? 'latency' : options.macs !== undefined ? 'macs' : 'filters';
    const how = { ...context, onProgress: (fraction: number) => report(1 + fraction) };
    const study = () => studySpaces(ranking, saving, how, options.target);
    // Times are measured anew.
    const studied = await (saving === 'latency'
      ? study()
      : this.#shared(followed.model, { ...ranked, rows, keys, steps, saving }, study));
    this.#sensitivity ??= studied.report;
    return { ...ranking, scope, own, curves: studied.curves };
  }

  #shared<T>(model: Model, question: object, study: () => Promise<T>): Promise<T> {
    return this.context.studies?.of(model, question, study) ?? study();
  }

  async #cut(followed: Dependencies, prunable: Prunable, round: number): Promise<Model> {
    const ranked = await this.#ranked(followed, prunable, round);
    const { model, keep, failed } = this.#cost
      ? await this.#within(this.#cost, ranked, round)
      : await this.#without(ranked, this.#keptByShare(ranked, round));
    const { spaces, keys } = prunable;
    for (const { space, reason } of failed) this.#failed.set(keys[spaces.indexOf(space)]!, reason);
    for (const [s, space] of spaces.entries())
      this.#removed += (space.classes.length - (keep[s] as Int32Array).length) * space.width;
    return model;
  }

  #without({ dependencies, spaces }: Ranked, keep: readonly Int32Array[]): Promise<Verified> {
    return verified(dependencies, spaces, keep, trialOf(dependencies.model, this.context));
  }

  #keptByShare(ranked: Ranked, round: number): Int32Array[] {
    const first = new Map([...this.#first].map(([name, { classes }]) => [name, classes]));
    return keptByShare(ranked, (this.options.ratio as number) * this.#progress[round]!, first);
  }

  /** The least removal that leaves as much work or time as this round may leave. */
  async #within(cost: Cost, ranked: Ranked, round: number): Promise<Verified> {
    const { model } = ranked.dependencies;
    this.#whole ??= await cost.of(model);
    const mostAfter = (done: number): number => (this.#whole as number) * (1 - (1 - this.#share) * done);
    if (round === 0) await this.#checkReach(cost, ranked, mostAfter(1));
    const most = mostAfter(this.#progress[round] as number);
    const { keep } = await leastRemoval(ranked, most, cost.of, cost.halvings);
    const cut = await this.#without(ranked, keep);
    const last = round === this.#progress.length - 1;
    return this.options.latency !== undefined && last ? this.#measured(cost, ranked, most, cut) : cut;
  }

  /** What cannot be reached is said before anything is trained; later, when removals failed, what can be done is done. */
  async #checkReach(cost: Cost, ranked: Ranked, most: number): Promise<void> {
    const { left } = await leastRemoval(ranked, most, cost.of, 0);
    if (left <= most) return;
    const shown = (value: number): string => (this.options.latency === undefined ? `${value}` : value.toPrecision(3));
    const expected = this.options.latency === undefined ? `${Math.floor(most)}` : most.toPrecision(3);
    throw new CompressionError(
      'unsuitable-model',
      `with every filter gone that can go ${shown(left)} ${cost.unit} are left; expected at most ${expected}`,
    );
  }

  /** Kernels foretell what a whole model takes, but for what lies between them: it is measured, and a little more goes where it takes longer. */
  async #measured(cost: Cost, ranked: Ranked, most: number, cut: Verified): Promise<Verified> {
    const wanted = this.options.latency as number;
    let [best, share, asked] = [cut, Infinity, most];
    let next: Verified | null = cut;
    for (let tried = 0; next && tried < TRIES; tried++) {
      checkCancelled(this.context.signal);
      const times = await wholeTimes([this.original, next.model], this.context, this.options.target!);
      if (!times) {
        this.#notes.push('the time of the whole model was not measured: nothing here measures it');
        return next;
      }
      const [before, after] = times as [number, number];
      if (after / before < share) {
        [best, share] = [next, after / before];
        this.#notes.splice(0, this.#notes.length, this.#timed(before, after));
      }
      if (share <= wanted) break;
      // A little more than the difference: what is measured is not known to a hundredth.
      asked *= (0.98 * wanted) / (after / before);
      const { keep, left } = await leastRemoval(ranked, asked, cost.of, cost.halvings);
      next = left <= asked ? await this.#without(ranked, keep) : null;
    }
    return best;
  }

  #timed(before: number, after: number): string {
    const { latency, target } = this.options;
    const [share, wanted] = [(after / before).toFixed(3), latency as number];
    const missed = after / before > wanted ? `, where ${wanted} was asked for` : '';
    return `measured in turns, ${target!.threads} thread(s), before training: ${after.toPrecision(3)} ms, ${share} of the unpruned model's ${before.toPrecision(3)} ms${missed}`;
  }

  /** The context of a round's training. */
  #part(round: number): PassContext {
    const onProgress = (fraction: number): void =>
      this.context.onProgress?.((round + scoringShare + (1 - scoringShare) * fraction) / this.#progress.length);
    return { ...this.context, onProgress };
  }

  #changes(): Record<string, number> {
    const before = [...this.#first.values()].reduce((sum, { classes, width }) => sum + classes * width, 0);
    return {
      filtersBefore: before,
      filtersRemoved: this.#removed,
      layers: [...this.#first.keys()].filter((name) => !this.#failed.has(name)).length,
      ...(this.#progress.length > 1 && { rounds: this.#progress.length }),
      ...(this.#failed.size > 0 && { failedVerification: this.#failed.size }),
    };
  }

  #reasons(): PassResult['declined'] {
    return [...this.#declined, ...this.#failed].map(([node, reason]) => ({ node, reason }));
  }
}

/**
 * Ranks filters, removes those that matter least with all that depends on them, and trains the rest; several times where the options
 * ask for rounds.
 * @throws CompressionError `unsuitable-model` when no filter can be removed, or not enough of them, `cancelled`; TrainingError when the
 *   model cannot be differentiated
 */
export async function pruneFilters(model: Model, options: PruneOptions, context: PassContext): Promise<PassResult> {
  return new Pruning(model, options, context).run();
}
