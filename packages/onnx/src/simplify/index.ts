export {
  assertWithin,
  compareModels,
  type CompareOptions,
  type Comparison,
  type OutputDifference,
  type Tolerance,
} from './compare.js';
export { randomFeeds, type FeedOptions } from './feeds.js';
export { countNodes, simplify, type Simplified, type SimplifyOptions, type StepCount } from './simplify.js';
