export { CompressionError, type CompressionErrorCode } from './errors.js';
export {
  compress,
  refusals,
  type Benchmark,
  type BenchmarkFigures,
  type Compressed,
  type CompressOptions,
  type CompressProgress,
} from './compress.js';
export { figuresOf, type Figures } from './figures.js';
export { fold, foldRules } from './fold/fold.js';
export type { PassContext, PassResult } from './pass.js';
export { channelSpaces } from './prune/dependencies.js';
export type { Producer, Slot, Space } from './prune/channel-space.js';
export { pruneFilters, type PruneOptions } from './prune/prune.js';
export { removeChannels } from './prune/remove.js';
export { scoreFilters } from './prune/score.js';
export { selectChannels } from './prune/select.js';
export { planQuantization, type QuantizationPlan } from './quantize/plan.js';
export { quantizeStatic, type QuantizeOptions } from './quantize/quantize.js';
