/** What a search found, in the form that a recipe's result has: so an artifact is made of both alike. */
import { CompressionReport, Recipe, type SearchReport } from '@verge/contracts';
import { gateBudget } from './choose.js';

export interface Offer {
  /** What makes the best variant of the source again. */
  readonly recipe: Recipe;
  readonly report: CompressionReport;
}

/** A variant's id as the name of a recipe: lower-case letters, digits, dots and dashes, 63 at most. */
const slugOf = (id: string): string =>
  id
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');

/** The best variant as a recipe with its report; null where no variant keeps to the budget. */
export function offerOf({ best, variants, before, target, budget }: SearchReport): Offer | null {
  const variant = variants.find(({ id }) => id === best);
  if (!variant?.measured) return null;
  const after = variant.measured;
  const held = gateBudget(before, after, budget, process.arch === target.arch);
  const recipe = Recipe.parse({ name: slugOf(variant.id), passes: variant.passes, budget: held });
  const report = {
    schema: 'verge.compression-report/1' as const,
    ...{ recipe: recipe.name, target, before, after, passes: variant.changes },
    // A search takes nothing as its best that the gate refuses.
    ...{ offered: true, reasons: [] },
  };
  return { recipe, report: CompressionReport.parse(report) };
}
