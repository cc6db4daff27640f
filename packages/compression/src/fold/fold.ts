/** Folding: everything that can be computed once, now. Activations stay nodes; ONNX Runtime fuses them when it loads. */
import type { Model } from '@verge/onnx';
import type { PassResult } from '../pass.js';
import { batchNormIntoConv } from './batch-norm-into-conv.js';
import { batchNormIntoGemm } from './batch-norm-into-gemm.js';
import { constantIntoConv } from './constant-into-conv.js';
import { dropInert } from './drop-inert.js';
import { liftConstants } from './lift-constants.js';
import { applyRules } from './rule.js';

/** In this order: first what clears the way for the others. */
export const foldRules = [liftConstants, dropInert, batchNormIntoConv, batchNormIntoGemm, constantIntoConv];

export function fold(model: Model): PassResult {
  const { model: folded, fired, declined } = applyRules(model, foldRules);
  return { model: folded, changes: fired, declined };
}
