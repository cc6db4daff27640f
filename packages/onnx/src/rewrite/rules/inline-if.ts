import type { GraphBuilder } from '../../builder.js';
import type { Graph, Node } from '../../ir.js';
import { renameReads } from '../edit.js';
import { constantPattern, opPattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';

function taken(match: Match): Graph | null {
  const condition = match.constant('condition');
  const branch = match.root.attributes.get(condition.data[0] ? 'then_branch' : 'else_branch');
  return condition.dtype === 'bool' && condition.data.length === 1 && branch?.kind === 'graph' ? branch.value : null;
}

/** Puts the nodes of a branch into the graph, their results under fresh names. @returns the branch's outputs */
function spliceBranch(branch: Graph, builder: GraphBuilder): string[] {
  const names = new Map<string, string>();
  for (const [name, { value }] of branch.initializers) {
    if (!('external' in value)) names.set(name, builder.constant(value, name));
  }
  for (const node of branch.nodes) {
    const moved: Node = renameReads(node, names);
    const outputs = node.outputs.map((name) => {
      if (name !== '') names.set(name, builder.fresh(name));
      return names.get(name) ?? '';
    });
    builder.graph.nodes.push({ ...moved, name: builder.fresh(node.name || node.op), outputs });
  }
  return branch.outputs.map((o) => names.get(o.name) ?? o.name);
}

/** If whose condition is known -> the branch that is taken. */
export const inlineIf: Rule = {
  name: 'inline-if',
  pattern: opPattern('If', [constantPattern('condition')], 'if'),
  check(match) {
    const branch = taken(match);
    if (!branch) return decline('the condition is not one truth value');
    const external = [...branch.initializers.values()].some(({ value }) => 'external' in value);
    return external || branch.sparseInitializers.length > 0
      ? decline('the branch holds tensors in other files, or sparse ones')
      : ACCEPT;
  },
  rewrite: (match, builder) => spliceBranch(taken(match)!, builder),
};
