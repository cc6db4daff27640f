/** The passes of a recipe, one file each. A pass that is listed here has a row in the table of passes of @verge/compression. */
import { z } from 'zod';
import { CodebookPass } from './codebook.js';
import { DecomposePass } from './decompose.js';
import { FoldPass } from './fold.js';
import { PruneFiltersPass } from './prune-filters.js';
import { QuantizeStaticPass } from './quantize-static.js';

export { DecompositionRank } from './decompose.js';
export { FineTune } from './fine-tune.js';

export const RecipePass = z
  .discriminatedUnion('pass', [FoldPass, DecomposePass, PruneFiltersPass, CodebookPass, QuantizeStaticPass])
  .meta({ id: 'RecipePass' });
export type RecipePass = z.infer<typeof RecipePass>;
export type PassName = RecipePass['pass'];
