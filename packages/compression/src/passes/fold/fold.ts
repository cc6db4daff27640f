/** Folding: everything that can be computed once, now. Activations stay nodes; ONNX Runtime fuses them when it loads. */
import { createHash } from 'node:crypto';
import {
  batchNormIntoConv,
  batchNormIntoGemm,
  constantIntoConv,
  eliminateDeadCode,
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

/** Equal constants that folding made, of layers that shared one, are one again. */
function withoutCopies(model: Model, before: Model): Model {
  const { graph } = model;
  const first = new Map<string, string>();
  const same = new Map<string, string>();
  for (const [name, { value }] of graph.initializers) {
    if (before.graph.initializers.has(name) || !('data' in value) || value.dtype !== 'float32') continue;
    const { buffer, byteOffset, byteLength } = value.data;
    const digest = createHash('sha256')
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest('hex');
    const key = `${value.dims.join()} ${digest}`;
    if (first.has(key)) same.set(name, first.get(key) as string);
    else first.set(key, name);
  }
  if (same.size === 0) return model;
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => same.get(name) ?? name) }));
  return eliminateDeadCode({ ...model, graph: { ...graph, nodes } });
}

/** @param createSession computes the constants */
export async function fold(model: Model, createSession: SessionFactory): Promise<PassResult> {
  const constant = await foldConstants(model, createSession);
  const { model: rewritten, fired, declined } = rewrite(constant, foldRules);
  const folded = withoutCopies(rewritten, constant);
  const changes: Record<string, number> = { 'constant-nodes': model.graph.nodes.length - constant.graph.nodes.length };
  for (const { rule } of fired) changes[rule] = (changes[rule] ?? 0) + 1;
  return {
    model: folded,
    changes,
    declined: declined.map(({ rule, node, reason }) => ({ node, reason: `${rule}: ${reason}` })),
  };
}
