export {
  assertWithin,
  compareModels,
  type CompareOptions,
  type Comparison,
  type OutputDifference,
  type Tolerance,
} from './compare.js';
export { drawFeeds, MOST_ELEMENTS, randomFeeds, type FeedOptions } from './feeds.js';
export { fedInputs, openSizes, type FedInput } from './inputs.js';
export { roundingsOf, type Roundings } from './roundings.js';
export { settleInputs, SIZES_TRIED, type SettledInputs } from './sizes-tried.js';
export { countNodes, simplify, type Simplified, type SimplifyOptions, type StepCount } from './simplify.js';
export { knownWords } from './words.js';
