/** Operator sets: each domain imported once, and each that nodes use imported. */
import { isDefaultDomain, subgraphs } from '../builder.js';
import { OnnxError } from '../errors.js';
import type { Node } from '../ir.js';
import type { Repairs } from './repairs.js';

interface Holder {
  opsets: Map<string, number>;
  opsetForms?: Map<string, number>;
  repeatedOpsets?: string[];
}

/** What ONNX Runtime takes where a file that uses these domains does not import them. */
const ASSUMED: ReadonlyMap<string, number> = new Map([
  ['com.microsoft', 1],
  ['ai.onnx.ml', 5],
]);

function domainsOf(nodes: readonly Node[], into = new Set<string>()): Set<string> {
  for (const node of nodes) {
    into.add(node.domain);
    for (const sub of subgraphs(node)) domainsOf(sub.nodes, into);
  }
  return into;
}

const called = (domain: string): string => (domain === '' ? 'ai.onnx' : domain);

/**
 * A model or a function with its imports in order; the same object where they were.
 * @param nodes that it imports operator sets for
 * @throws OnnxError `duplicate-name` when the default domain is imported in two versions, as '' and as 'ai.onnx'
 */
export function withImports<T extends Holder>(holder: T, nodes: readonly Node[], repairs: Repairs): T {
  const opsets = new Map(holder.opsets);
  for (const domain of new Set(holder.repeatedOpsets)) {
    repairs.add('opset-repeated', called(domain), `the operator set of ${called(domain)} is imported more than once`);
  }
  const [plain, spelled] = [opsets.get(''), opsets.get('ai.onnx')];
  if (spelled !== undefined) {
    if (plain !== undefined && plain !== spelled) {
      const message = `the default operator set is imported in versions ${plain} ('') and ${spelled} ('ai.onnx')`;
      throw new OnnxError('duplicate-name', message);
    }
    if (plain === undefined) {
      repairs.add('node-domain', 'ai.onnx', "the default operator set is imported as 'ai.onnx'", true);
    } else repairs.add('opset-repeated', 'ai.onnx', "the default operator set is imported as '' and as 'ai.onnx'");
    opsets.delete('ai.onnx');
    opsets.set('', spelled);
  }
  for (const domain of domainsOf(nodes)) {
    const version = ASSUMED.get(domain);
    // A file of IR version 3 and later that imports nothing is no matter of one domain.
    if (version === undefined || opsets.has(domain) || opsets.size === 0) continue;
    opsets.set(domain, version);
    repairs.add('opset-missing', domain, `nodes use ${domain}, which is not imported: version ${version} is assumed`);
  }
  const same = opsets.size === holder.opsets.size && [...opsets].every(([d, v]) => holder.opsets.get(d) === v);
  if (same && !holder.repeatedOpsets) return holder;
  const { repeatedOpsets: _repeated, opsetForms, ...rest } = holder;
  const forms = opsetForms && new Map([...opsetForms].filter(([domain]) => !isDefaultDomain(domain)));
  return { ...rest, opsets, ...(forms && { opsetForms: forms }) } as unknown as T;
}
