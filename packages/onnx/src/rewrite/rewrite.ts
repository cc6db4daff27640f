/** Applies rules to a model until none fires. */
import { collectNames, GraphBuilder, opsetVersion } from '../builder.js';
import { assertLegal } from '../check/index.js';
import { nodeLabel } from '../check/nodes.js';
import { emptyGraph } from '../codec/graphs.js';
import { OnnxError } from '../errors.js';
import { provenTypes } from '../infer/index.js';
import type { Graph, Model, Node, StoredTensor, ValueType } from '../ir.js';
import { eliminateDeadCode, renameReads, resolve } from './edit.js';
import { matchAt, type Match, type NodePattern } from './pattern.js';
import { GraphView } from './view.js';

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export const ACCEPT: Verdict = { ok: true };

export function decline(reason: string): Verdict {
  return { ok: false, reason };
}

/** A rewriting rule: where it may apply, whether it does, and what it puts in place. */
export interface Rule {
  readonly name: string;
  readonly pattern: NodePattern;
  /** Decides on a match; a reason for declining is reported. */
  check(match: Match): Verdict;
  /**
   * Builds the replacement and returns the values that take the place of the root's outputs, in order. A value made
   * here takes over the name of the one it replaces.
   */
  rewrite(match: Match, builder: GraphBuilder): string | readonly string[];
}

export interface Fired {
  readonly rule: string;
  /** The root of the match. */
  readonly node: string;
  readonly pass: number;
}

export interface Declined {
  readonly rule: string;
  readonly node: string;
  readonly reason: string;
}

export interface Rewritten {
  readonly model: Model;
  readonly fired: readonly Fired[];
  /** The matches that remain in the result, each with the reason why its rule did not apply. */
  readonly declined: readonly Declined[];
  readonly passes: number;
}

export interface RewriteOptions {
  /** Give up with an error after this many passes: rules that undo each other never end. */
  maxPasses?: number;
  /** Names that new values and nodes must not take: those of the graphs around a subgraph. */
  reserved?: ReadonlySet<string>;
  /** What is proven of the values of the model (`provenTypes`); found here when absent. */
  types?: ReadonlyMap<string, ValueType>;
}

/** What one pass collects before the graph is put together again. */
interface Pass {
  readonly view: GraphView;
  readonly taken: Set<string>;
  /** New nodes in place of the root of each match. */
  readonly replaced: Map<Node, Node[]>;
  readonly initializers: Map<string, StoredTensor>;
  readonly renamed: Map<string, string>;
  readonly touched: Set<Node>;
}

/** Old outputs of the root become the new values; a new value takes the old name, an existing one replaces it. */
function replaceOutputs(rule: Rule, root: Node, results: readonly string[], added: Graph, pass: Pass): void {
  const used = root.outputs.filter(
    (name) => name !== '' && (pass.view.isOutput(name) || pass.view.users(name).length > 0),
  );
  const made = new Set([...added.nodes.flatMap((n) => n.outputs), ...added.initializers.keys()]);
  const names = new Map<string, string>();
  root.outputs.forEach((old, i) => {
    const result = results[i];
    if (!used.includes(old)) return;
    if (result === undefined) {
      throw new OnnxError('rewrite', `rule ${rule.name} gives nothing for output ${i} of ${nodeLabel(root)}`);
    }
    if (made.has(result) && !names.has(result)) names.set(result, old);
    else if (!pass.view.isOutput(old)) pass.renamed.set(old, names.get(result) ?? result);
    else {
      const identity: Node = {
        op: 'Identity',
        domain: '',
        name: '',
        inputs: [result],
        outputs: [old],
        attributes: new Map(),
      };
      added.nodes.push(identity);
    }
  });
  const rename = (name: string): string => names.get(name) ?? name;
  const nodes = added.nodes.map((n) => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) }));
  pass.replaced.set(root, nodes);
  for (const [name, tensor] of added.initializers) {
    pass.initializers.set(rename(name), { ...tensor, name: rename(name) });
  }
}

function apply(rule: Rule, match: Match, pass: Pass): void {
  const scratch = emptyGraph('');
  const builder = new GraphBuilder(scratch, pass.taken);
  const results = rule.rewrite(match, builder);
  if (scratch.inputs.length > 0 || scratch.outputs.length > 0) {
    throw new OnnxError('rewrite', `rule ${rule.name} changes the inputs or outputs of the graph`);
  }
  replaceOutputs(rule, match.root, typeof results === 'string' ? [results] : results, scratch, pass);
  for (const node of match.matched) pass.touched.add(node);
}

function assemble(model: Model, pass: Pass): Model {
  const { graph } = model;
  const nodes = graph.nodes.flatMap((node) => pass.replaced.get(node) ?? [node]);
  const quantization = graph.quantization?.map((q) =>
    q.tensor === undefined ? q : { ...q, tensor: resolve(pass.renamed, q.tensor) },
  );
  return eliminateDeadCode({
    ...model,
    graph: {
      ...graph,
      nodes: nodes.map((node) => renameReads(node, pass.renamed)),
      initializers: new Map([...graph.initializers, ...pass.initializers]),
      ...(quantization && { quantization }),
    },
  });
}

/** The types of the values that are still there: a value that is made later may bear the name of one that is gone. */
function kept(types: ReadonlyMap<string, ValueType>, graph: Graph): ReadonlyMap<string, ValueType> {
  const alive = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) alive.add(name);
  return new Map([...types].filter(([name]) => alive.has(name)));
}

/** One pass over the nodes in order. Matches of a pass do not overlap. */
function runPass(
  model: Model,
  rules: readonly Rule[],
  number: number,
  reserved: ReadonlySet<string>,
  types: ReadonlyMap<string, ValueType>,
): { model: Model; fired: Fired[]; declined: Declined[] } {
  const pass: Pass = {
    view: new GraphView(model.graph, opsetVersion(model) ?? 1, types),
    taken: collectNames(model.graph, new Set(reserved)),
    replaced: new Map(),
    initializers: new Map(),
    renamed: new Map(),
    touched: new Set(),
  };
  const fired: Fired[] = [];
  const declined: Declined[] = [];
  for (const node of model.graph.nodes) {
    for (const rule of rules) {
      if (pass.touched.has(node)) break;
      const match = matchAt(rule.pattern, node, pass.view);
      if (!match || match.matched.some((n) => pass.touched.has(n))) continue;
      const verdict = rule.check(match);
      if (verdict.ok) {
        apply(rule, match, pass);
        fired.push({ rule: rule.name, node: nodeLabel(node), pass: number });
      } else declined.push({ rule: rule.name, node: nodeLabel(node), reason: verdict.reason });
    }
  }
  return { model: fired.length > 0 ? assemble(model, pass) : model, fired, declined };
}

/**
 * Applies the rules, in their order of preference, until none fires. The legality check runs after every pass.
 * Rules see the types that are proven, never those that the file only declares; values that a rule makes have no type
 * until it runs again.
 * @throws OnnxError `rewrite` when a rule breaks the model or the rules do not come to an end; `shape` and the like, as
 *   `inferShapes`, where `types` is absent
 */
export function rewrite(model: Model, rules: readonly Rule[], options: RewriteOptions = {}): Rewritten {
  const { maxPasses = 50, reserved = new Set<string>() } = options;
  const fired: Fired[] = [];
  let current = model;
  let types = options.types ?? provenTypes(model);
  for (let number = 1; number <= maxPasses; number++) {
    const result = runPass(current, rules, number, reserved, types);
    if (result.fired.length === 0) return { model: current, fired, declined: result.declined, passes: number - 1 };
    fired.push(...result.fired);
    try {
      assertLegal(result.model);
    } catch (cause) {
      const names = [...new Set(result.fired.map((f) => f.rule))].join(', ');
      throw new OnnxError('rewrite', `pass ${number} (${names}) left an illegal model`, { cause });
    }
    current = result.model;
    types = kept(types, current.graph);
  }
  throw new OnnxError('rewrite', `the rules still fire after ${maxPasses} passes`);
}
