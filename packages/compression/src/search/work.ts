/** What making and measuring a variant costs, in multiply-accumulates: foretold, so that the order of a search does not depend on times. */
import type { RecipePass } from '@verge/contracts';
import type { SampleCounts } from './expected.js';

/** A training step besides its arithmetic, as measured on networks of 50,000 to 80,000 weights with 64 samples a step. */
const STEP = 4e7;

/** What a pass, its session and its encoding cost besides; measured on the same networks. */
function around(pass: RecipePass): number {
  switch (pass.pass) {
    case 'float16':
    case 'quantize-dynamic':
    case 'quantize-weights':
      return 4e8;
    case 'codebook':
      return 1.2e9;
    case 'quantize-static':
      return pass.precision === 'auto' ? 8e9 : 2e9;
    case 'prune-filters':
      // Removals from each layer are measured first.
      return pass.scope === 'sensitivity' ? 4e9 : 2e9;
    default:
      return 2e9;
  }
}

const tuningOf = (pass: RecipePass) => ('fineTune' in pass ? pass.fineTune : null);

/** Epochs of training that a pass ends with. */
export const epochsOf = (pass: RecipePass): number => tuningOf(pass)?.epochs ?? 0;

/**
 * @param macs of the variant
 * @param source of the model that it is made of
 */
export function workOf(
  pass: RecipePass,
  macs: number,
  source: number,
  { train, validation, choosing }: SampleCounts,
): number {
  const measured = choosing * macs;
  const tuning = tuningOf(pass);
  if (!tuning || tuning.epochs === 0) return around(pass) + measured;
  const { epochs, batchSize, distillation } = tuning;
  // Forwards and backwards; a teacher looks at the samples once.
  const epoch = train * 3 * macs + Math.ceil(train / batchSize) * STEP + validation * macs;
  return around(pass) + measured + epochs * epoch + (distillation ? train * source : 0);
}
