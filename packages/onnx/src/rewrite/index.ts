export { eliminateDeadCode, renameReads } from './edit.js';
export { mapStored, type StoredRole } from '../stored.js';
export { foldConstants, type FoldOptions } from './fold.js';
export {
  constantPattern,
  either,
  eitherWay,
  Match,
  opPattern,
  valuePattern,
  type EitherPattern,
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
export { eliminateCommonSubexpressions, mergeDuplicateConstants } from './common-subexpressions.js';
export { nameOutputs } from './name-outputs.js';
export { renameGraph } from './rename.js';
export { batchNormIntoConv } from './rules/batch-norm-into-conv.js';
export { batchNormIntoGemm } from './rules/batch-norm-into-gemm.js';
export { constantIntoConv } from './rules/constant-into-conv.js';
export { biasIntoLayerNorm } from './rules/bias-into-layer-norm.js';
export { geluFromParts } from './rules/gelu-from-parts.js';
export { layerNormFromParts } from './rules/layer-norm-from-parts.js';
export { mergeReshapes } from './rules/merge-reshapes.js';
export { padIntoConv } from './rules/pad-into-conv.js';
export { mergeTransposes } from './rules/merge-transposes.js';
export { removeDropout } from './rules/remove-dropout.js';
export { removeIdentity } from './rules/remove-identity.js';
export { attentionRules, contributedRules, exactRules, fusionRules } from './rules/index.js';
export { inlineIf } from './rules/inline-if.js';
export { GraphView, readsOf } from './view.js';
