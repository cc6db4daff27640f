/** The legality of a model as code; run after every pass. */
import type { FunctionBody, Model, Node } from '../ir.js';
import { opsetVersion, subgraphs } from '../builder.js';
import { staysInside } from '../external.js';
import { eachStored } from '../stored.js';
import { Findings, LegalityError, type Diagnostic } from './diagnostics.js';
import { checkGraph, checkNodes, type GraphContext, type Scope } from './graphs.js';
import { functionKey } from './nodes.js';

export { LegalityError, type Diagnostic, type DiagnosticCode } from './diagnostics.js';

function calls(nodes: readonly Node[], into: Set<string>): Set<string> {
  for (const node of nodes) {
    into.add(functionKey(node.domain, node.op, node.overload));
    for (const sub of subgraphs(node)) calls(sub.nodes, into);
  }
  return into;
}

/** docs/IR.md: functions must not call themselves, directly or through others. */
function checkRecursion(functions: ReadonlyMap<string, FunctionBody>, findings: Findings): void {
  const callers = new Map<string, string[]>();
  const left = new Map<string, number>();
  for (const [key, body] of functions) {
    const callees = [...calls(body.nodes, new Set())].filter((k) => functions.has(k));
    left.set(key, callees.length);
    for (const callee of callees) {
      const list = callers.get(callee) ?? [];
      list.push(key);
      callers.set(callee, list);
    }
  }
  const ready = [...left].filter(([, n]) => n === 0).map(([key]) => key);
  for (let done = ready.pop(); done !== undefined; done = ready.pop()) {
    for (const caller of callers.get(done) ?? []) {
      const rest = left.get(caller)! - 1;
      left.set(caller, rest);
      if (rest === 0) ready.push(caller);
    }
  }
  for (const [key, n] of left) {
    if (n === 0) continue;
    const { name } = functions.get(key)!;
    findings.add({ code: 'function-cycle', subject: name, message: `function ${JSON.stringify(name)} calls itself` });
  }
}

function checkFunctions(model: Model, context: GraphContext): void {
  for (const body of model.functions) {
    const opsets = body.opsets.size > 0 ? body.opsets : model.opsets;
    const attributes = new Set([...body.attributes, ...(body.attributeDefaults?.keys() ?? [])]);
    const inner: GraphContext = { ...context, opsets, functionAttributes: attributes };
    const scope: Scope = { names: new Set(body.inputs), outer: null };
    checkNodes(body.nodes, scope, inner);
    for (const name of body.outputs) {
      if (scope.names.has(name)) continue;
      context.findings.add({
        code: 'undefined-output',
        subject: name,
        message: `function ${JSON.stringify(body.name)} does not compute its output ${JSON.stringify(name)}`,
      });
    }
  }
}

/** docs/ExternalData.md: files lie in the folder of the model. Wherever a tensor is stored, in attributes too. */
function checkExternal(model: Model, findings: Findings): void {
  eachStored(model, ({ name, value }) => {
    if (!('external' in value) || staysInside(value.external.location)) return;
    const place = JSON.stringify(value.external.location);
    findings.add({
      code: 'external-path',
      subject: name,
      message: `tensor ${JSON.stringify(name)} points outside of the model's folder: ${place}`,
    });
  });
}

/**
 * Every rule of ONNX IR that the model breaks: names and scopes, order, operator signatures, imports, types of inputs
 * and initializers. Linear in the size of the model.
 * @param most findings to report before giving up
 */
export function checkModel(model: Model, most = 100): Diagnostic[] {
  const findings = new Findings(most);
  const functions = new Map<string, FunctionBody>();
  for (const body of model.functions) {
    const key = functionKey(body.domain, body.name, body.overload);
    if (functions.has(key)) {
      const name = JSON.stringify(body.name);
      findings.add({ code: 'duplicate-function', subject: body.name, message: `function ${name} is defined twice` });
    }
    functions.set(key, body);
  }
  if (model.irVersion < 1)
    findings.add({ code: 'ir-version', message: `the IR version ${model.irVersion} is not one` });
  if (model.irVersion >= 3 && model.opsets.size === 0) {
    findings.add({ code: 'opset-missing', message: 'the model imports no operator set' });
  }
  // Files of IR version 1 and 2 could not say their operator set, which was 1 (docs/Versioning.md).
  const implied = model.irVersion < 3 && opsetVersion(model) === null;
  const opsets = implied ? new Map([...model.opsets, ['', 1] as const]) : model.opsets;
  const context: GraphContext = { irVersion: model.irVersion, opsets, functions, functionAttributes: null, findings };
  checkGraph(model.graph, null, context);
  checkFunctions(model, context);
  checkRecursion(functions, findings);
  checkExternal(model, findings);
  return findings.list;
}

/** @throws LegalityError (code `illegal-model`) when `checkModel` finds an error */
export function assertLegal(model: Model): void {
  const found = checkModel(model);
  if (found.some((d) => d.severity === 'error')) throw new LegalityError(found);
}
