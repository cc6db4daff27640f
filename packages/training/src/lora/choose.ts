/** Which weights get an adapter. */
import type { Graph, Node } from '@verge/onnx';
import { matches, someOf } from '../patterns.js';
import type { LoraSpec } from './spec.js';
import { sitesOf, type Site } from './sites.js';

export interface ChosenSites {
  readonly sites: readonly Site[];
  readonly problems: readonly string[];
}

/**
 * The weights that patterns name. A pattern may also name constants that are no such weights, as `*.attention.*` names
 * biases; one that names nothing else is a problem.
 * @param own the name that a constant has in the file, which is what patterns are about
 * @param moves whether a constant is trained itself: then it has no adapter
 */
export function chooseSites(
  graph: Graph,
  { match, dropout = 0 }: Pick<LoraSpec, 'match' | 'dropout'>,
  own: (name: string) => string,
  moves: (name: string) => boolean,
): ChosenSites {
  const { sites, others } = sitesOf(graph);
  const able = [...sites.values()].filter(({ weight }) => !moves(weight));
  const problems: string[] = [];
  const chosen = new Set<Site>();
  for (const pattern of match) {
    const found = able.filter(({ weight }) => matches(pattern, own(weight)));
    found.forEach((site) => chosen.add(site));
    if (found.length > 0) continue;
    const close = [...graph.initializers.keys()].filter((name) => matches(pattern, own(name)));
    const [first] = close.filter((name) => sites.has(name)).concat(close);
    if (first === undefined) problems.push(`lora.match: no constant is called '${pattern}'`);
    else if (sites.has(first)) problems.push(`lora.match: '${own(first)}' is trained itself`);
    else {
      const why = others.get(first) ?? 'it is no float32 tensor';
      problems.push(`lora.match: '${own(first)}' is no weight of a MatMul, Gemm or Conv: ${why}`);
    }
  }
  if (dropout > 0)
    for (const { weight } of [...chosen].filter(({ fused }) => fused))
      problems.push(`lora.dropout: '${own(weight)}' is read by a fused node, beside which nothing can be computed`);
  const at = new Map<Node, string>();
  for (const { weight, readers } of chosen)
    for (const { node } of readers) {
      const other = at.get(node);
      if (other !== undefined)
        problems.push(`lora.match: '${own(other)}' and '${own(weight)}' are multiplied with each other`);
      at.set(node, weight);
    }
  const names = able.map(({ weight }) => own(weight));
  if (problems.length > 0)
    problems.push(names.length === 0 ? 'there are no such weights' : `such weights are ${someOf(names)}`);
  return { sites: able.filter((site) => chosen.has(site)), problems };
}
