/**
 * Rewrite rules: a pattern, a check that says why not, and the rewrite. Each rule lives in a file of its own.
 */
import type { Model, Node } from '@verge/onnx';
import { cloneModel, dropUnusedInitializers, GraphIndex, nodeName } from '../graph-index.js';

export interface Match {
  /** Nodes from the first to the last of the pattern. */
  nodes: readonly Node[];
}

export interface Rule<M extends Match = Match> {
  name: string;
  /** The pattern that ends at this node, or null. */
  pattern(node: Node, index: GraphIndex): M | null;
  /** Why the pattern cannot be rewritten here, or null when it can. */
  check(match: M, index: GraphIndex): string | null;
  /** Edits the model: replaces the match's nodes. */
  rewrite(match: M, index: GraphIndex, model: Model): void;
}

export interface RuleOutcome {
  model: Model;
  /** How often each rule fired. */
  fired: Record<string, number>;
  declined: { node: string; reason: string }[];
}

/** Applies rules until none fires any more; every refusal is reported once. */
export function applyRules(source: Model, rules: readonly Rule[]): RuleOutcome {
  const model = cloneModel(source);
  const fired: Record<string, number> = Object.fromEntries(rules.map((rule) => [rule.name, 0]));
  const refused = new Map<string, { node: string; reason: string }>();
  for (let changed = true; changed;) {
    changed = false;
    for (const rule of rules) {
      let index = new GraphIndex(model.graph);
      for (const node of [...model.graph.nodes]) {
        const match = model.graph.nodes.includes(node) ? rule.pattern(node, index) : null;
        if (!match) continue;
        const reason = rule.check(match, index);
        if (reason !== null) {
          refused.set(`${rule.name} ${nodeName(node)}`, { node: nodeName(node), reason: `${rule.name}: ${reason}` });
          continue;
        }
        rule.rewrite(match, index, model);
        fired[rule.name] = (fired[rule.name] ?? 0) + 1;
        changed = true;
        index = new GraphIndex(model.graph);
      }
    }
  }
  dropUnusedInitializers(model.graph);
  return { model, fired, declined: [...refused.values()] };
}
