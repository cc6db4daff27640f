/** What a search tries: a change of structure of some size, folded, with some precision. */
import { RecipePass } from '@verge/contracts';

/** Ways to change the structure that differ by how much of it goes, the least first. */
export interface Family {
  readonly name: string;
  readonly sizes: readonly number[];
  /** What it loses as a multiple of what training after the removal of channels usually leaves lost. */
  readonly harm: number;
  /** Epochs of training after it. */
  readonly epochs: number;
  /** Whether sizes are shares of the channels of each layer, so that what is left can be told beforehand. */
  readonly shares: boolean;
  make(size: number): RecipePass;
  /** The share of the source's work and size that usually goes. */
  gone(size: number): number;
}

const pass = (value: unknown): RecipePass => RecipePass.parse(value);

/** Training after a change of structure: long enough to tell what a structure can do. */
const EPOCHS = 10;
const fineTune = (seed: number) => ({
  epochs: EPOCHS,
  batchSize: 64,
  optimizer: { name: 'adamw', learningRate: 0.001 },
  distillation: { temperature: 4, alpha: 0.3 },
  seed,
});
const untuned = { epochs: 0 };

/** Both ends of a product lose channels. */
const byPruning = (ratio: number): number => 1 - (1 - ratio) ** 2;
/** Layers that are too small for it stay whole. */
const byDecomposing = (ratio: number): number => (1 - 1 / ratio) / 2;
const rest = (gone: number): number => Math.round((1 - gone) * 1000) / 1000;

const untunedFamilies: readonly Family[] = [
  {
    ...{ name: 'prune-filters, not tuned', sizes: [0.125, 0.25], harm: 60, epochs: 0, shares: true, gone: byPruning },
    make: (ratio) => pass({ pass: 'prune-filters', ratio, importance: 'magnitude', fineTune: untuned }),
  },
  {
    ...{ name: 'prune-filters by sensitivity, not tuned', sizes: [0.1, 0.25], harm: 40, epochs: 0, shares: false },
    gone: (size) => size,
    make: (size) =>
      pass({
        ...{ pass: 'prune-filters', macs: rest(size), scope: 'sensitivity', importance: 'magnitude' },
        fineTune: untuned,
      }),
  },
  {
    ...{ name: 'decompose, not tuned', sizes: [1.5, 2], harm: 150, epochs: 0, shares: false, gone: byDecomposing },
    make: (ratio) => pass({ pass: 'decompose', rank: { by: 'ratio', ratio }, fineTune: untuned }),
  },
];

const tunedFamilies = (seed: number): readonly Family[] => [
  {
    ...{ name: 'prune-filters, tuned', sizes: [0.25, 0.375, 0.5, 0.625, 0.75, 0.875], harm: 1, epochs: EPOCHS },
    ...{ shares: true, gone: byPruning },
    make: (ratio) => pass({ pass: 'prune-filters', ratio, fineTune: fineTune(seed) }),
  },
  {
    ...{
      name: 'prune-filters by sensitivity, tuned',
      sizes: [0.5, 0.7, 0.85],
      harm: 1.3,
      epochs: EPOCHS,
      shares: false,
    },
    gone: (size) => size,
    make: (size) => pass({ pass: 'prune-filters', macs: rest(size), scope: 'sensitivity', fineTune: fineTune(seed) }),
  },
  {
    ...{ name: 'decompose, tuned', sizes: [1.5, 2, 3], harm: 1.5, epochs: EPOCHS, shares: false, gone: byDecomposing },
    make: (ratio) => pass({ pass: 'decompose', rank: { by: 'ratio', ratio }, fineTune: fineTune(seed) }),
  },
];

/** By measured times, which differ from run to run: for a latency that is asked for. */
const timedFamily = (labelled: boolean, seed: number): Family => ({
  ...{ name: 'prune-filters by latency', sizes: [0.25, 0.5, 0.7], harm: labelled ? 1 : 60, shares: false },
  epochs: labelled ? EPOCHS : 0,
  gone: (size) => size,
  make: (size) =>
    pass({
      ...{ pass: 'prune-filters', latency: rest(size), scope: 'sensitivity' },
      ...(labelled ? { fineTune: fineTune(seed) } : { importance: 'magnitude', fineTune: untuned }),
    }),
});

/**
 * @param labelled whether there are labels to learn from
 * @param timed whether a latency is asked for, and times of this machine say anything of the target
 */
export function families(labelled: boolean, seed: number, timed = false): Family[] {
  return [
    ...untunedFamilies,
    ...(labelled ? tunedFamilies(seed) : []),
    ...(timed ? [timedFamily(labelled, seed)] : []),
  ];
}

export const AWARE_EPOCHS = 5;

export const FOLD = pass({ pass: 'fold' });

/**
 * The least change of numbers first; of passes of one name, ever fewer bits.
 * @param byTime whether latency on this machine says anything of the target
 */
export function precisions(byTime: boolean): RecipePass[] {
  return [
    pass({ pass: 'float16' }),
    pass({ pass: 'quantize-static' }),
    ...(byTime ? [pass({ pass: 'quantize-static', precision: 'auto' })] : []),
    pass({ pass: 'quantize-dynamic' }),
    ...[8, 4].map((bits) => pass({ pass: 'quantize-weights', bits })),
    ...[6, 4, 3].map((bits) => pass({ pass: 'codebook', bits })),
  ];
}

/** int8 with the most sensitive nodes in float32. */
export const int8Without = (keep: readonly string[]): RecipePass => pass({ pass: 'quantize-static', keep });

export const quantizeAware = (seed: number): RecipePass =>
  pass({
    pass: 'quantize-aware',
    fineTune: { epochs: AWARE_EPOCHS, batchSize: 64, optimizer: { name: 'adamw', learningRate: 0.0003 }, seed },
  });

/** The size half-way between one that is good and one that is not, where that is worth a try; null else. */
export function between(good: number, bad: number): number | null {
  const middle = Math.round(((good + bad) / 2) * 1000) / 1000;
  return Math.abs(bad - good) > 0.1 * Math.max(good, bad) ? middle : null;
}

const tuned = (epochs: number): string => (epochs > 0 ? ', tuned' : '');

/** How much of a network pruning takes, in words. */
function amountOf({ ratio, macs, latency, scope }: Extract<RecipePass, { pass: 'prune-filters' }>): string {
  const how = scope === 'layer' ? '' : scope === 'global' ? ' over all layers' : ' by sensitivity';
  if (ratio !== undefined) return `${ratio}${how}`;
  return (macs === undefined ? `to ${latency} of the time` : `to ${macs} of the operations`) + how;
}

/** How each pass is told from others of its name. */
function wordsOf(one: RecipePass): string {
  switch (one.pass) {
    case 'prune-filters':
      return `prune-filters ${amountOf(one)}${tuned(one.fineTune.epochs)}`;
    case 'distil':
      return `distil ${one.student.from === 'narrower' ? one.student.width : one.student.from}`;
    case 'decompose':
      return `decompose ${one.rank.by === 'ratio' ? one.rank.ratio : one.rank.by}${tuned(one.fineTune.epochs)}`;
    case 'codebook':
    case 'quantize-weights':
      return `${one.pass} ${one.bits} bits`;
    case 'quantize-static':
      if (one.precision === 'auto') return 'int8 where it is faster';
      return one.keep.length > 0 ? `int8 but for ${one.keep.length}` : 'int8';
    case 'quantize-aware':
      return `quantize-aware W${one.weightBits}A${one.activationBits}`;
    default:
      return one.pass;
  }
}

/** A variant's passes in words. */
export const idOf = (passes: readonly RecipePass[]): string => passes.map(wordsOf).join(' + ');
