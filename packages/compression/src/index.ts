export { CompressionError, type CompressionErrorCode } from './errors.js';
export { arithmeticOf, type Arithmetic } from './measure/arithmetic.js';
export {
  compress,
  compressModel,
  partsNeeded,
  type Compressed,
  type CompressedModel,
  type CompressOptions,
  type CompressProgress,
  type UnreadModel,
} from './compress.js';
export { figuresOf, type Figures } from './measure/figures.js';
export { refusals } from './measure/gate.js';
export type { Benchmark, BenchmarkFigures } from '@verge/training';
export { codebook, type CodebookOptions } from './passes/codebook/codebook.js';
export { decompose, type DecomposeOptions } from './passes/decompose/decompose.js';
export { distil, type DistilOptions } from './passes/distil/distil.js';
export { fold, foldRules } from './passes/fold/fold.js';
export { float16, type Float16Options } from './passes/float16/float16.js';
export { inOrder, type OrderedPass } from './passes/order.js';
export type { PassContext, PassResult } from './passes/pass.js';
export { passes, type Stage } from './passes/table.js';
export { dependencies, removalOf, withoutChannels, type Dependencies } from './graph/dependencies.js';
export type { Slices, Space } from './graph/spaces.js';
export { pruneFilters, type PruneOptions } from './passes/prune-filters/prune.js';
export { withMaskedChannels } from './passes/prune-filters/masked.js';
export { scoreFilters } from './passes/prune-filters/score.js';
export type { Importance } from './study/gradients.js';
export { pruneWeights, type PruneWeightsOptions } from './passes/prune-weights/prune-weights.js';
export { selectChannels } from './passes/prune-filters/select.js';
export {
  checkTarget,
  targetNamed,
  targets,
  type Consequence,
  type Finding,
  type Rule,
  type Target,
} from './targets/index.js';
export { verified, type Trial, type Verified } from './passes/prune-filters/verify.js';
export { planQuantization, type QuantizationPlan } from './passes/quantize-static/plan.js';
export { quantizeStatic, type QuantizeOptions } from './passes/quantize-static/quantize.js';
export { quantizeDynamic, type QuantizeDynamicOptions } from './passes/quantize-dynamic/quantize.js';
export { quantizeWeights, type QuantizeWeightsOptions } from './passes/quantize-weights/quantize.js';
export { quantizeAware, type QuantizeAwareOptions } from './passes/quantize-aware/quantize-aware.js';
export { unitSensitivity, type UnitSensitivityOptions } from './passes/quantize-static/sensitivity.js';
export { divergenceOf, studySensitivity, type UnitSensitivity } from './study/sensitivity.js';
export { smooth, type SmoothOptions } from './passes/smooth/smooth.js';
export { idOf } from './search/space.js';
export { search, type Searched, type SearchOptions, type SearchProgress } from './search/search.js';
export { offerOf, type Offer } from './search/offer.js';
export type { JournalEntry, SearchJournal } from './search/journal.js';
export { dominates, frontOf, hypervolume, type Costs } from './search/front.js';
export { randomSearch, type RandomSearchOptions } from './search/random.js';
