/** Filter pruning: score, remove with everything that depends on it, fine-tune. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { boundToSamples, sampleFeeds } from '@verge/training';
import { checkCancelled, CompressionError } from '../../errors.js';
import { figuresOf } from '../../measure/figures.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import { dependencies, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { keptByMacs, keptByShare, keysOf, nameOf, type Ranked } from './amount.js';
import type { Importance } from '../../study/gradients.js';
import { scoreFilters } from './score.js';
import { epochsOf, type Pace, progressOf } from './rounds.js';
import { type Trial, verified } from './verify.js';

type Config = Extract<RecipePass, { pass: 'prune-filters' }>;

/** The recipe's fields, with the block of the target where the recipe says none; one round where they say nothing else. */
export type PruneOptions = Omit<Config, 'pass' | 'multiple' | 'importance' | 'rounds' | 'pace'> & {
  multiple: number;
  importance?: Importance;
  rounds?: number;
  pace?: Pace;
};

/** Share of a round that scoring takes; the rest is training. */
const scoringShare = 0.1;

/** Samples on which the cut model is held against the masked one. */
const VERIFIED_SAMPLES = 4;

const filtersOf = (space: Space): number => space.classes.length * space.width;

function sortOut(spaces: readonly Space[], multiple: number): { prunable: Space[]; declined: PassResult['declined'] } {
  const prunable: Space[] = [];
  const declined: PassResult['declined'] = [];
  for (const space of spaces) {
    const small =
      space.classes.length <= space.step(multiple)
        ? `its ${filtersOf(space)} filters are no more than one block of ${multiple}`
        : null;
    const reason = space.frozen ?? small;
    if (reason) declined.push({ node: nameOf(space), reason });
    else prunable.push(space);
  }
  return { prunable, declined };
}

/** Runs models on a few samples, or on as many as they take at once. */
function trialOf(model: Model, { train, ports, createSession }: PassContext): Trial {
  const bind = (of: Model): Model => boundToSamples(of, train, ports);
  const bound = bind(model);
  const type = bound.graph.inputs.find((input) => !bound.graph.initializers.has(input.name))?.type;
  const batch = type?.kind === 'tensor' ? type.shape?.[0] : null;
  const rows = typeof batch === 'number' ? batch : VERIFIED_SAMPLES;
  return { feeds: sampleFeeds(bound, train, 0, Math.min(rows, train.y.length)), bind, createSession };
}

/** The shape of a sample by input. */
function shapesOf(model: Model, { train }: PassContext): Record<string, readonly number[]> {
  const further = Object.entries(train.inputs ?? {}).map(([name, { shape }]) => [name, shape] as const);
  const main = model.graph.inputs.find(
    ({ name }) => !model.graph.initializers.has(name) && !Object.hasOwn(train.inputs ?? {}, name),
  );
  return Object.fromEntries([...(main ? [[main.name, train.shape] as const] : []), ...further]);
}

function nothing(declined: PassResult['declined']): CompressionError {
  const problems = declined.map((d) => `${d.node}: ${d.reason}`);
  return new CompressionError('unsuitable-model', `no filter can be removed: ${problems.join('; ')}`, { problems });
}

class Pruning {
  readonly #declined = new Map<string, string>();
  readonly #failed = new Map<string, string>();
  /** Classes that each space had at first, by key, and how many channels of its widest producer one has. */
  readonly #first = new Map<string, { classes: number; width: number }>();
  readonly #progress: readonly number[];
  readonly #epochs: readonly number[];
  #removed = 0;
  #macs: number | null = null;

  constructor(
    readonly original: Model,
    readonly options: PruneOptions,
    readonly context: PassContext,
  ) {
    const { rounds = 1, pace = 'cubic', fineTune } = options;
    this.#progress = progressOf(rounds, pace);
    this.#epochs = epochsOf(fineTune.epochs, rounds);
  }

  async run(): Promise<PassResult> {
    let model = this.original;
    for (const round of this.#progress.keys()) {
      checkCancelled(this.context.signal);
      const followed = await dependencies(model, this.context.createSession, this.options.multiple);
      const prunable = this.#prunable(followed, round === 0);
      // What is left is one block of each layer.
      if (prunable.length > 0) model = await this.#cut(followed, prunable, round);
      const { fineTune: tuning } = this.options;
      model = await fineTune(
        model,
        this.original,
        { ...tuning, epochs: this.#epochs[round] as number },
        this.#part(round),
      );
    }
    return { model, changes: this.#changes(), declined: this.#reasons(), notes: this.#missed(model) };
  }

  /** Removals that failed their verification are not made up for: what is left then is said. */
  #missed(model: Model): string[] {
    const { macs } = this.options;
    if (macs === undefined || this.#macs === null) return [];
    const [left, most] = [figuresOf(model, { samples: shapesOf(model, this.context) }).macs, this.#macs * macs];
    return left !== null && left <= most
      ? []
      : [`${left ?? 'an unknown number of'} multiply-accumulates are left, where ${Math.floor(most)} were asked for`];
  }

  #prunable(followed: Dependencies, first: boolean): Space[] {
    const { prunable, declined } = sortOut(followed.spaces, this.options.multiple);
    if (first) {
      for (const { node, reason } of declined) this.#declined.set(node, reason);
      if (prunable.length === 0) throw nothing(declined);
      const keys = keysOf(prunable);
      prunable.forEach(({ classes, width }, s) => this.#first.set(keys[s]!, { classes: classes.length, width }));
    }
    const keys = keysOf(prunable);
    return prunable.filter((_, s) => !this.#failed.has(keys[s]!));
  }

  async #cut(followed: Dependencies, prunable: readonly Space[], round: number): Promise<Model> {
    const { options, context } = this;
    const scores = await scoreFilters(followed.model, prunable, context.train, {
      importance: options.importance,
      norm: options.norm,
      batches: options.scoreBatches,
      ports: context.ports,
      batchSize: options.fineTune.batchSize,
      createSession: context.createSession,
      signal: context.signal,
      onProgress: (fraction) => context.onProgress?.((round + fraction * scoringShare) / this.#progress.length),
    });
    const steps = prunable.map((space) => space.step(options.multiple));
    const keys = keysOf(prunable);
    const ranked = { dependencies: followed, spaces: prunable, keys, scores, scope: options.scope, steps };
    const trial = trialOf(followed.model, context);
    const { model, keep, failed } = await verified(followed, prunable, this.#keep(ranked, round), trial);
    for (const { space, reason } of failed) this.#failed.set(keys[prunable.indexOf(space)]!, reason);
    for (const [s, space] of prunable.entries()) {
      this.#removed += (space.classes.length - (keep[s] as Int32Array).length) * space.width;
    }
    return model;
  }

  #keep(ranked: Ranked, round: number): Int32Array[] {
    const [share, { ratio, macs }] = [this.#progress[round] as number, this.options];
    if (macs === undefined) {
      const first = new Map([...this.#first].map(([name, { classes }]) => [name, classes]));
      return keptByShare(ranked, (ratio as number) * share, first);
    }
    const samples = shapesOf(ranked.dependencies.model, this.context);
    this.#macs ??= figuresOf(ranked.dependencies.model, { samples }).macs;
    const most = (done: number): number => (this.#macs ?? Number.NaN) * (1 - (1 - macs) * done);
    // What cannot be reached is said before anything is trained.
    if (round === 0) keptByMacs(ranked, most(1), samples);
    return keptByMacs(ranked, most(share), samples);
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
export function pruneFilters(model: Model, options: PruneOptions, context: PassContext): Promise<PassResult> {
  return new Pruning(model, options, context).run();
}
