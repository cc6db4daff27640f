/** Folding: everything that can be computed once, now. Activations stay nodes; ONNX Runtime fuses them when it loads. */
import {
  batchNormIntoConv,
  batchNormIntoGemm,
  constantIntoConv,
  foldConstants,
  mergeReshapes,
  mergeTransposes,
  removeDropout,
  removeIdentity,
  rewrite,
  type Model,
  type Rule,
  type SessionFactory,
} from '@verge/onnx';
import type { PassResult } from '../pass.js';

/** First what clears the way, then what folds. */
export const foldRules: readonly Rule[] = [
  removeIdentity,
  removeDropout,
  mergeReshapes,
  mergeTransposes,
  batchNormIntoConv,
  batchNormIntoGemm,
  ...constantIntoConv,
];

/** @param createSession computes the constants */
export async function fold(model: Model, createSession: SessionFactory): Promise<PassResult> {
  const constant = await foldConstants(model, createSession);
  const { model: folded, fired, declined } = rewrite(constant, foldRules);
  const changes: Record<string, number> = { 'constant-nodes': model.graph.nodes.length - constant.graph.nodes.length };
  for (const { rule } of fired) changes[rule] = (changes[rule] ?? 0) + 1;
  return {
    model: folded,
    changes,
    declined: declined.map(({ rule, node, reason }) => ({ node, reason: `${rule}: ${reason}` })),
  };
}
