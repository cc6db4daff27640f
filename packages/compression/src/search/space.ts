/** What a search tries: a change of structure of some size, folded, with some precision. */
import { RecipePass } from '@verge/contracts';

/** Ways to change the structure that differ by how much of it goes, the least first. */
export interface Family {
  readonly name: string;
  readonly sizes: readonly number[];
  /** What each of them usually loses, as multiples of what is allowed: an order to begin with. */
  readonly losses: readonly number[];
  /** Epochs of training after it. */
  readonly epochs: number;
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

/** @param labelled whether there are labels to learn from */
export function families(labelled: boolean, seed: number): Family[] {
  const plain: Family[] = [
    {
      name: 'prune-filters, not tuned',
      sizes: [0.1, 0.25],
      losses: [1, 3],
      epochs: 0,
      gone: byPruning,
      make: (ratio) => pass({ pass: 'prune-filters', ratio, importance: 'magnitude', fineTune: untuned }),
    },
    {
      name: 'decompose, not tuned',
      sizes: [1.5, 2],
      losses: [6, 9],
      epochs: 0,
      gone: byDecomposing,
      make: (ratio) => pass({ pass: 'decompose', rank: { by: 'ratio', ratio }, fineTune: untuned }),
    },
  ];
  if (!labelled) return plain;
  return [
    ...plain,
    {
      name: 'prune-filters, tuned',
      sizes: [0.25, 0.5, 0.75],
      losses: [0.2, 0.6, 2],
      epochs: EPOCHS,
      gone: byPruning,
      make: (ratio) => pass({ pass: 'prune-filters', ratio, fineTune: fineTune(seed) }),
    },
    {
      name: 'decompose, tuned',
      sizes: [1.5, 2, 3],
      losses: [0.3, 0.6, 1.2],
      epochs: EPOCHS,
      gone: byDecomposing,
      make: (ratio) => pass({ pass: 'decompose', rank: { by: 'ratio', ratio }, fineTune: fineTune(seed) }),
    },
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
function amountOf({ ratio, macs, latency }: Extract<RecipePass, { pass: 'prune-filters' }>): string {
  if (ratio !== undefined) return `${ratio}`;
  return macs === undefined ? `to ${latency} of the time` : `to ${macs} of the operations`;
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
