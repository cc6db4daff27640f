/**
 * Reverse-mode differentiation: walks a forward graph backwards and lets each operator's row write its part. What all
 * operators share is done here once: summing over broadcast axes, adding up the gradients of a value that is read
 * several times, and leaving out what no parameter needs.
 */
import type { DataType, Node } from '@verge/onnx';
import { TrainingError } from './errors.js';
import { flat } from './gradients/elementwise.js';
import { integerSums } from './gradients/integer-products.js';
import type { Applied, Mode, Row } from './gradients/row.js';
import { gradientRow } from './gradients/table.js';
import type { Tape } from './tape.js';

/** Writes the forward nodes in order, each in its training form where it has one, composite ones as their parts. */
export function writeForward(t: Tape, nodes: readonly Node[], mode: Mode): Applied[] {
  return nodes.flatMap((node) => {
    const entry = gradientRow(node.domain, node.op);
    const supported = entry?.unsupported?.(node) === undefined;
    if (entry && supported && 'decompose' in entry) {
      const begin = t.nodes.length;
      entry.decompose(t, node, mode);
      return writeForward(t, t.nodes.splice(begin), mode);
    }
    let saved = {};
    if (entry && supported && 'vjp' in entry && entry.forward) saved = entry.forward(t, node, mode);
    else t.nodes.push(node);
    return [{ node, inputs: node.inputs, outputs: node.outputs, saved, mode }];
  });
}

/**
 * Element types of values that have a gradient, which is float32 itself: float32, and what QuantizeLinear makes, through
 * which the gradient passes as if it were real (quantization.ts).
 */
const CARRIERS: ReadonlySet<DataType> = new Set([
  'float32',
  ...(['int2', 'uint2', 'int4', 'uint4', 'int8', 'uint8', 'int16', 'uint16'] as const),
]);

function rowOf(node: Node): Row {
  const entry = gradientRow(node.domain, node.op);
  if (entry && 'vjp' in entry) return entry;
  throw new TrainingError('no-gradient', `no gradient is known for ${obstacle(node) ?? node.op}`);
}

/** Values that depend on `sources`. */
export function reachable(nodes: readonly Node[], sources: Iterable<string>): Set<string> {
  const reached = new Set(sources);
  for (const node of nodes) {
    if (node.inputs.some((i) => reached.has(i))) node.outputs.filter((o) => o !== '').forEach((o) => reached.add(o));
  }
  return reached;
}

/** Values that `targets` depend on. */
function ancestors(nodes: readonly Node[], targets: Iterable<string>): Set<string> {
  const needed = new Set(targets);
  for (const node of [...nodes].reverse()) {
    if (node.outputs.some((o) => needed.has(o))) node.inputs.filter((i) => i !== '').forEach((i) => needed.add(i));
  }
  return needed;
}

/** Why the gradient of a node is not known, for its operator or for this very node; undefined where it is. */
export function obstacle(node: Node): string | undefined {
  const entry = gradientRow(node.domain, node.op);
  const reason = entry ? entry.unsupported?.(node) : '';
  if (reason === undefined) return undefined;
  const who = `node '${node.name || node.outputs[0]}' (${node.domain ? `${node.domain}.` : ''}${node.op})`;
  return reason === '' ? who : `${who}: ${reason}`;
}

/**
 * Names every node between `sources` and `targets` that has no gradient row.
 * @throws TrainingError `no-gradient`
 */
export function checkDifferentiable(
  nodes: readonly Node[],
  sources: Iterable<string>,
  targets: Iterable<string>,
): void {
  const forward = reachable(nodes, sources);
  const backward = ancestors(nodes, targets);
  const problems = nodes
    .filter((n) => n.inputs.some((i) => forward.has(i)) && n.outputs.some((o) => backward.has(o)))
    .map(obstacle)
    .filter((reason) => reason !== undefined);
  if (problems.length === 0) return;
  throw new TrainingError('no-gradient', `no gradient is known for ${problems.join(', ')}`, { problems });
}

/**
 * Refuses to train where the loss does not depend on the sources by slopes.
 * @throws TrainingError `no-gradient` naming the operators on the way that are flat everywhere
 */
export function checkReached(nodes: readonly Node[], sources: Iterable<string>, reached: ReadonlySet<string>): void {
  if (reached.size > 0) return;
  const forward = reachable(nodes, sources);
  const level = nodes.filter((n) => n.inputs.some((i) => forward.has(i)) && gradientRow(n.domain, n.op) === flat);
  const named = level.map((n) => `node '${n.name || n.outputs[0]}' (${n.op})`);
  const why = named.length > 0 ? `; flat everywhere: ${named.join(', ')}` : '';
  throw new TrainingError('no-gradient', `no gradient of the loss reaches anything that is trained${why}`, {
    problems: named,
  });
}

/**
 * Writes the gradients of `sources`.
 * @param seeds the gradient of the loss by each value from which it flows back, same shape as the value
 * @returns the gradient's name by source; a source that nothing flows back to is absent
 */
export function writeBackward(
  t: Tape,
  applied: readonly Applied[],
  seeds: ReadonlyMap<string, string>,
  sources: ReadonlySet<string>,
): Map<string, string> {
  const wanted = reachable(
    applied.map((a) => a.node),
    sources,
  );
  const gradients = new Map(seeds);
  const sums = integerSums(applied.map((a) => a.node));
  for (const a of [...applied].reverse()) {
    if (!a.inputs.some((i) => wanted.has(i))) continue;
    const dys = a.outputs.map((o) => gradients.get(o));
    const known = dys.find((d) => d !== undefined);
    if (known === undefined) continue;
    const writers = rowOf(a.node).vjp(t, a, dys[0] ?? known, dys);
    a.inputs.forEach((input, i) => {
      const write = writers[i];
      if (!write || !wanted.has(input) || !(CARRIERS.has(t.types.get(input)!) || sums.has(input))) return;
      const gradient = t.sumTo(write(), t.shape(input));
      const before = gradients.get(input);
      gradients.set(input, before === undefined ? gradient : t.add(before, gradient));
    });
  }
  return new Map([...gradients].filter(([name]) => sources.has(name)));
}
