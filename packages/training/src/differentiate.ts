/** Differentiation of what was just written on a tape: losses as forward nodes, penalties on gradients. */
import type { Node } from '@verge/onnx';
import { checkDifferentiable, writeBackward } from './backward.js';
import type { Applied } from './gradients/row.js';
import type { Tape } from './tape.js';

/** Nodes of plain operators as the walker reads them; nothing was saved for them. */
export function asApplied(nodes: readonly Node[]): Applied[] {
  return nodes.map((node) => ({ node, inputs: node.inputs, outputs: node.outputs, saved: {}, mode: 'eval' as const }));
}

export interface Differentiated {
  /** What `write` returned: a scalar. */
  readonly value: string;
  /** d value / d source, shaped as the source; absent where nothing flows back. */
  readonly gradients: Map<string, string>;
}

/**
 * Writes a scalar by `write`, then its gradient by `sources`, from the nodes that `write` put on the tape.
 * @throws TrainingError `no-gradient` naming the nodes without a rule
 */
export function differentiate(t: Tape, sources: readonly string[], write: () => string): Differentiated {
  const from = t.nodes.length;
  const value = write();
  const nodes = t.nodes.slice(from);
  checkDifferentiable(nodes, sources, [value]);
  const gradients = writeBackward(t, asApplied(nodes), new Map([[value, t.scalar(1)]]), new Set(sources));
  return { value, gradients };
}
