/** The rules of this package by what they do to the numbers. */
import type { Rule } from '../rewrite.js';
import { attentionFromParts } from './attention-from-parts.js';
import { batchNormIntoConv } from './batch-norm-into-conv.js';
import { batchNormIntoGemm } from './batch-norm-into-gemm.js';
import { biasIntoLayerNorm } from './bias-into-layer-norm.js';
import { constantIntoConv } from './constant-into-conv.js';
import { contributedGelu } from './contributed-gelu.js';
import { geluFromParts } from './gelu-from-parts.js';
import { inlineIf } from './inline-if.js';
import { layerNormFromParts, layerNormWithoutScale } from './layer-norm-from-parts.js';
import { matMulAddIntoGemm } from './matmul-add-into-gemm.js';
import { mergeCasts } from './merge-casts.js';
import { mergeClips } from './merge-clips.js';
import { mergeConcats } from './merge-concats.js';
import { mergeMoves } from './merge-moves.js';
import { mergeRepeated } from './merge-repeated.js';
import { mergeReshapes } from './merge-reshapes.js';
import { mergeSlices } from './merge-slices.js';
import { mergeTransposes } from './merge-transposes.js';
import { mergeViews } from './merge-views.js';
import { padIntoConv } from './pad-into-conv.js';
import { projectedAttention } from './projected-attention.js';
import { reciprocalIntoDivision } from './reciprocal-into-division.js';
import { removeDropout } from './remove-dropout.js';
import { removeIdentity } from './remove-identity.js';
import { removeIntegerZero } from './remove-integer-zero.js';
import { removeNeutral } from './remove-neutral.js';
import { removeNoOp } from './remove-no-op.js';
import { scaleIntoGemm } from './scale-into-gemm.js';
import { shapeOfValue } from './shape-of-value.js';
import { skipLayerNorm } from './skip-layer-norm.js';
import { sliceIntoGather } from './slice-into-gather.js';
import { slicesIntoSplit } from './slices-into-split.js';
import { staticReshape } from './static-reshape.js';
import { staticSizes } from './static-sizes.js';
import { transposeIntoReshape } from './transpose-into-reshape.js';
import { zeroState } from './zero-state.js';

/** Rules after which every number is the same as before: they move, merge or drop what computes nothing. */
export const exactRules: readonly Rule[] = [
  removeIdentity,
  removeDropout,
  inlineIf,
  staticSizes,
  staticReshape,
  removeNoOp,
  ...removeNeutral,
  ...removeIntegerZero,
  mergeRepeated,
  mergeCasts,
  mergeClips,
  mergeTransposes,
  transposeIntoReshape,
  mergeReshapes,
  mergeViews,
  mergeMoves,
  mergeConcats,
  mergeSlices,
  sliceIntoGather,
  slicesIntoSplit,
  shapeOfValue,
  zeroState,
  padIntoConv,
];

/** Rules that put one step of arithmetic into another, so that roundings move. */
export const fusionRules: readonly Rule[] = [
  ...layerNormFromParts,
  biasIntoLayerNorm,
  ...geluFromParts,
  batchNormIntoConv,
  batchNormIntoGemm,
  ...constantIntoConv,
  ...matMulAddIntoGemm,
  ...scaleIntoGemm,
  ...reciprocalIntoDivision,
];

/** Attention in one node, which is faster; and so whole that nothing else in it can be trained or changed apart. */
export const attentionRules: readonly Rule[] = [attentionFromParts, projectedAttention];

/** Further operators of ONNX Runtime's own domain, in what has been simplified; they are what its optimiser would make. */
export const contributedRules: readonly Rule[] = [...layerNormWithoutScale, skipLayerNorm, ...contributedGelu];
