/** The domain of the operators that ONNX Runtime adds, while rules may write them. */
import { subgraphs } from '../builder.js';
import type { Graph, Model } from '../ir.js';

const DOMAIN = 'com.microsoft';

const uses = (graph: Graph): boolean =>
  graph.nodes.some((node) => node.domain === DOMAIN || subgraphs(node).some((sub) => uses(sub)));

/** The model with the domain imported. */
export function importingContributed(model: Model): Model {
  if (model.opsets.has(DOMAIN)) return model;
  return { ...model, opsets: new Map([...model.opsets, [DOMAIN, 1]]) };
}

/** The model without the import where neither it nor the model that it was made of has use for it. */
export function withoutIdleImport(model: Model, before: Model): Model {
  if (before.opsets.has(DOMAIN) || uses(model.graph)) return model;
  return { ...model, opsets: new Map([...model.opsets].filter(([domain]) => domain !== DOMAIN)) };
}
