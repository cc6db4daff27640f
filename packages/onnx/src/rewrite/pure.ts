/** Operators whose result is not a function of their inputs, and nodes that may be computed once or twice alike. */
import { isDefaultDomain, subgraphs } from '../builder.js';
import type { Node } from '../ir.js';

/** Dropout is here because it may draw in training mode; rules that know its mode remove it. */
const RANDOM: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomUniform',
  'RandomNormalLike',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
  'Dropout',
]);

/**
 * Whether two runs of the node on the same inputs give the same outputs. Nodes with subgraphs, nodes of other domains
 * and calls of functions, whose bodies may draw random numbers, count as not.
 */
export function isPure(node: Node): boolean {
  return isDefaultDomain(node.domain) && !RANDOM.has(node.op) && subgraphs(node).length === 0;
}
