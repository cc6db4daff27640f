export { eliminateDeadCode, renameReads } from './edit.js';
export { foldConstants, type FoldOptions } from './fold.js';
export {
  constantPattern,
  Match,
  opPattern,
  valuePattern,
  type NodePattern,
  type Pattern,
  type ValuePattern,
} from './pattern.js';
export {
  decline,
  ACCEPT,
  rewrite,
  type Declined,
  type Fired,
  type RewriteOptions,
  type Rewritten,
  type Rule,
  type Verdict,
} from './rewrite.js';
export { mergeReshapes } from './rules/merge-reshapes.js';
export { mergeTransposes } from './rules/merge-transposes.js';
export { removeDropout } from './rules/remove-dropout.js';
export { removeIdentity } from './rules/remove-identity.js';
export { GraphView, readsOf } from './view.js';
