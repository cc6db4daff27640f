/** The table of passes: one row for each that a recipe can name. A pass without a row does not compile. */
import type { DeviceClass, PassName, RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { fold } from './fold/fold.js';
import type { PassContext, PassResult } from './pass.js';
import { pruneFilters } from './prune-filters/prune.js';
import { quantizeStatic } from './quantize-static/quantize.js';

/**
 * What a pass changes, which decides where it stands in a recipe: the network's `structure` while its weights are floats, and
 * then the `precision` of its numbers, once.
 */
export type Stage = 'structure' | 'precision';

type Config<P extends PassName> = Extract<RecipePass, { pass: P }>;

interface Row<P extends PassName> {
  readonly stage: Stage;
  /** Parts of the data that it works on, and whether it learns from their labels. */
  readonly needs: { readonly parts: readonly ('train' | 'validation')[]; readonly labels: boolean };
  run(model: Model, pass: Config<P>, target: DeviceClass, context: PassContext): Promise<PassResult>;
}

export const passes: { readonly [P in PassName]: Row<P> } = {
  fold: {
    stage: 'structure',
    needs: { parts: [], labels: false },
    run: (model, _pass, _target, context) => fold(model, context.createSession),
  },
  'prune-filters': {
    stage: 'structure',
    needs: { parts: ['train', 'validation'], labels: true },
    run: (model, pass, _target, context) => pruneFilters(model, pass, context),
  },
  'quantize-static': { stage: 'precision', needs: { parts: ['train'], labels: false }, run: quantizeStatic },
};

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
