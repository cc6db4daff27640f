/** The order in which the passes of a recipe can be carried out. */
import type { RecipePass } from '@verge/contracts';
import { CompressionError } from '../errors.js';
import { passes, type Stage } from './table.js';

const ranks: Readonly<Record<Stage, number>> = { structure: 0, precision: 1 };
const rank = ({ pass }: RecipePass): number => ranks[passes[pass].stage];

export interface OrderedPass {
  readonly pass: RecipePass;
  /** Why it does not run where the recipe has it; null where it does. */
  readonly moved: string | null;
}

/**
 * Passes that change the network's structure need weights that are floats, so they run before the one that changes precision;
 * otherwise the order is the recipe's.
 *
 * @throws CompressionError `bad-recipe` where a second pass would change the precision
 */
export function inOrder(recipe: readonly RecipePass[]): OrderedPass[] {
  const precise = recipe.flatMap((pass, index) => (rank(pass) === ranks.precision ? [index] : []));
  const problems = precise
    .slice(1)
    .map(
      (index) =>
        `recipe.passes.${index}: '${recipe[index]?.pass}' would change the precision that passes.${precise[0]} ('${recipe[precise[0] as number]?.pass}') has set; expected one such pass`,
    );
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
  const first = precise[0] ?? recipe.length;
  const late = (pass: RecipePass, index: number): OrderedPass => ({
    pass,
    moved:
      index > first && rank(pass) < ranks.precision
        ? `ran before '${recipe[first]?.pass}', which the recipe has ahead of it: it needs weights that are floats`
        : null,
  });
  const ordered = recipe.map(late);
  return [
    ...ordered.filter(({ pass }) => rank(pass) === ranks.structure),
    ...ordered.filter(({ pass }) => rank(pass) === ranks.precision),
  ];
}
