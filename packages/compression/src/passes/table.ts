/** The table of passes: one row for each that a recipe can name. A pass without a row does not compile. */
import type { DeviceClass, PassName, RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { codebook } from './codebook/codebook.js';
import { decompose } from './decompose/decompose.js';
import { distil } from './distil/distil.js';
import { float16 } from './float16/float16.js';
import { fold } from './fold/fold.js';
import type { PassContext, PassResult } from './pass.js';
import { blockOf } from './prune-filters/block.js';
import { pruneFilters } from './prune-filters/prune.js';
import { needsLabels, pruneWeights } from './prune-weights/prune-weights.js';
import { quantizeDynamic } from './quantize-dynamic/quantize.js';
import { quantizeAware } from './quantize-aware/quantize-aware.js';
import { quantizeStatic } from './quantize-static/quantize.js';
import { quantizeWeights } from './quantize-weights/quantize.js';
import { smooth } from './smooth/smooth.js';

/**
 * What a pass changes, which decides where it stands in a recipe: the network's `structure` while its weights are floats, and
 * then the `precision` of its numbers, once.
 */
export type Stage = 'structure' | 'precision';

type Config<P extends PassName> = Extract<RecipePass, { pass: P }>;

/** Parts of the data that a pass works on, and whether it learns from their labels. */
export interface Needs {
  readonly parts: readonly ('train' | 'validation')[];
  readonly labels: boolean;
}

const NOTHING: Needs = { parts: [], labels: false };
const LABELLED: Needs = { parts: ['train', 'validation'], labels: true };

interface Row<P extends PassName> {
  readonly stage: Stage;
  needs(pass: Config<P>): Needs;
  run(model: Model, pass: Config<P>, target: DeviceClass, context: PassContext): Promise<PassResult>;
}

export const passes: { readonly [P in PassName]: Row<P> } = {
  fold: {
    stage: 'structure',
    needs: () => NOTHING,
    run: (model, _pass, _target, context) => fold(model, context.createSession),
  },
  decompose: {
    stage: 'structure',
    needs: ({ fineTune }) => (fineTune.epochs > 0 ? LABELLED : NOTHING),
    run: (model, pass, _target, context) => decompose(model, pass, context),
  },
  distil: {
    stage: 'structure',
    needs: () => LABELLED,
    run: (model, pass, target, context) => distil(model, pass, blockOf(target), context),
  },
  'prune-filters': {
    stage: 'structure',
    // Weights rank themselves; the train part then only shows what the cut model gives, and what removals cost.
    needs: ({ importance, fineTune }) =>
      importance === 'magnitude' && fineTune.epochs === 0 ? { parts: ['train'], labels: false } : LABELLED,
    run: (model, pass, target, context) =>
      pruneFilters(model, { ...pass, multiple: pass.multiple ?? blockOf(target), target }, context),
  },
  'prune-weights': {
    stage: 'structure',
    needs: (pass) => (needsLabels(pass) ? LABELLED : NOTHING),
    run: (model, pass, _target, context) => pruneWeights(model, pass, context),
  },
  smooth: {
    stage: 'structure',
    needs: () => ({ parts: ['train'], labels: false }),
    run: (model, pass, _target, context) => smooth(model, pass, context),
  },
  codebook: {
    stage: 'precision',
    needs: ({ fineTune }) => (fineTune.epochs > 0 ? LABELLED : NOTHING),
    run: (model, pass, _target, context) => codebook(model, pass, context),
  },
  float16: {
    stage: 'precision',
    // What weights are stored as needs no samples; what values are like does.
    needs: ({ mode }) => (mode === 'all' ? { parts: ['train'], labels: false } : NOTHING),
    run: (model, pass, _target, context) => float16(model, pass, context),
  },
  'quantize-dynamic': { stage: 'precision', needs: () => NOTHING, run: quantizeDynamic },
  'quantize-static': { stage: 'precision', needs: () => ({ parts: ['train'], labels: false }), run: quantizeStatic },
  'quantize-weights': {
    stage: 'precision',
    needs: ({ rounding }) => (rounding === 'adaptive' ? { parts: ['train'], labels: false } : NOTHING),
    run: (model, pass, _target, context) => quantizeWeights(model, pass, context),
  },
  'quantize-aware': { stage: 'precision', needs: () => LABELLED, run: quantizeAware },
};

/** What one pass of a recipe needs of the data. */
export function needsOf<P extends PassName>(pass: Config<P>): Needs {
  const row: Row<P> = passes[pass.pass as P];
  return row.needs(pass);
}

/** Carries out one pass of a recipe. */
export function runPass<P extends PassName>(
  model: Model,
  pass: Config<P>,
  target: DeviceClass,
  context: PassContext,
): Promise<PassResult> {
  const row: Row<P> = passes[pass.pass as P];
  return row.run(model, pass, target, context);
}
