/** A node against the signature of its operator. */
import { opsetVersion } from '../builder.js';
import type { FunctionBody, Node } from '../ir.js';
import { isSpecifiedDomain, NEWEST_OPSET, operatorSpec, type OperatorSpec } from '../specs/lookup.js';
import type { Findings } from './diagnostics.js';

export interface NodeContext {
  readonly opsets: ReadonlyMap<string, number>;
  /** Model-local functions by `functionKey`. */
  readonly functions: ReadonlyMap<string, FunctionBody>;
  /** The attributes of the enclosing function, or null outside of functions. */
  readonly functionAttributes: ReadonlySet<string> | null;
  readonly findings: Findings;
}

export function functionKey(domain: string, name: string, overload = ''): string {
  return `${domain}\0${name}\0${overload}`;
}

/** How findings name a node. */
export function nodeLabel(node: Node): string {
  return node.name || (node.outputs.find((o) => o !== '') ?? '') || node.op;
}

function arityText({ min, max }: { min: number; max: number }): string {
  if (min === max) return String(min);
  return max === Infinity ? `at least ${min}` : `${min} to ${max}`;
}

function checkArity(node: Node, spec: OperatorSpec, findings: Findings): void {
  for (const side of ['inputs', 'outputs'] as const) {
    const { min, max } = spec[side];
    const names = node[side];
    // A trailing '' is an absent optional value, and so is a missing one.
    const count = names.length;
    if (count < min || count > max) {
      findings.add({
        code: side === 'inputs' ? 'input-count' : 'output-count',
        node: nodeLabel(node),
        message: `${node.op} takes ${arityText(spec[side])} ${side}, ${nodeLabel(node)} has ${count}`,
      });
    }
  }
}

function checkAttributes(node: Node, spec: OperatorSpec, context: NodeContext): void {
  const label = nodeLabel(node);
  for (const [name, attribute] of node.attributes) {
    const expected = spec.attributes.get(name);
    if (!expected) {
      context.findings.add({
        code: 'attribute-unknown',
        node: label,
        subject: name,
        message: `${node.op} (since version ${spec.since}) has no attribute ${name}, ${label} gives one`,
      });
    } else if (attribute.kind !== 'reference' && attribute.kind !== expected.kind) {
      context.findings.add({
        code: 'attribute-kind',
        node: label,
        subject: name,
        message: `attribute ${name} of ${node.op} is of kind ${expected.kind}, ${label} gives ${attribute.kind}`,
      });
    }
  }
  for (const [name, { required }] of spec.attributes) {
    if (!required || node.attributes.has(name)) continue;
    context.findings.add({
      code: 'attribute-missing',
      node: label,
      subject: name,
      message: `${node.op} requires attribute ${name}, ${label} lacks it`,
    });
  }
}

/** onnx.proto, AttributeProto.ref_attr_name: only inside functions, and only to an attribute of the function. */
function checkReferences(node: Node, context: NodeContext): void {
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind !== 'reference' || context.functionAttributes?.has(attribute.name)) continue;
    const why = context.functionAttributes ? 'the function has no such attribute' : 'it is not in a function';
    context.findings.add({
      code: 'attribute-reference',
      node: nodeLabel(node),
      subject: name,
      message: `attribute ${name} of ${nodeLabel(node)} refers to ${JSON.stringify(attribute.name)}, but ${why}`,
    });
  }
}

export function checkNode(node: Node, context: NodeContext): void {
  const { findings } = context;
  const label = nodeLabel(node);
  if (node.op === '') {
    findings.add({ code: 'missing-operator', node: label, message: `node ${label} names no operator` });
    return;
  }
  checkReferences(node, context);
  const version = opsetVersion(context, node.domain);
  if (version === null) {
    const domain = JSON.stringify(node.domain || 'ai.onnx');
    findings.add({
      code: 'opset-missing',
      node: label,
      message: `${label} uses ${node.op} of domain ${domain}, whose operator set is not imported`,
    });
    return;
  }
  if (context.functions.has(functionKey(node.domain, node.op, node.overload))) return;
  if (!isSpecifiedDomain(node.domain)) return;
  const spec = operatorSpec(node.op, version, node.domain);
  if (!spec) {
    // A newer operator set may have operators that these tables have not heard of.
    findings.add({
      code: 'unknown-operator',
      node: label,
      warning: version > NEWEST_OPSET,
      message: `operator set ${version} has no operator ${node.op} (node ${label})`,
    });
  } else if (spec.deprecated) {
    findings.add({
      code: 'deprecated-operator',
      node: label,
      warning: true,
      message: `${node.op} is deprecated since operator set ${spec.since} (node ${label})`,
    });
  } else {
    checkArity(node, spec, findings);
    checkAttributes(node, spec, context);
  }
}
