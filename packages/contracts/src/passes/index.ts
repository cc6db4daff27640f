/** The passes of a recipe, one file each. A pass that is listed here has a row in the table of passes of @verge/compression. */
import { z } from 'zod';
import { CodebookPass } from './codebook.js';
import { DecomposePass } from './decompose.js';
import { DistilPass } from './distil.js';
import { Float16Pass } from './float16.js';
import { FoldPass } from './fold.js';
import { PruneFiltersPass } from './prune-filters.js';
import { PruneWeightsPass } from './prune-weights.js';
import { QuantizeDynamicPass } from './quantize-dynamic.js';
import { QuantizeAwarePass } from './quantize-aware.js';
import { QuantizeStaticPass } from './quantize-static.js';
import { QuantizeWeightsPass } from './quantize-weights.js';
import { SmoothPass } from './smooth.js';

export { DecompositionRank } from './decompose.js';
export { DistilStudent } from './distil.js';
export { FineTune } from './fine-tune.js';
export { PruningSchedule } from './prune-weights.js';

export const RecipePass = z
  .discriminatedUnion('pass', [
    FoldPass,
    DecomposePass,
    DistilPass,
    PruneFiltersPass,
    PruneWeightsPass,
    SmoothPass,
    CodebookPass,
    Float16Pass,
    QuantizeDynamicPass,
    QuantizeStaticPass,
    QuantizeWeightsPass,
    QuantizeAwarePass,
  ])
  .meta({ id: 'RecipePass' });
export type RecipePass = z.infer<typeof RecipePass>;
export type PassName = RecipePass['pass'];
