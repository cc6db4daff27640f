/** What the table of gradients knows about one operator. */
import type { Node } from '@verge/onnx';
import type { Tape } from '../tape.js';

/** 'train': batch statistics and dropout; 'eval': the operators as inference has them. */
export type Mode = 'train' | 'eval';

/** Values that the forward part of a row leaves for its gradient, by the row's own words. */
export type Saved = Readonly<Record<string, string | undefined>>;

/** A node of the forward graph as it stands on the tape. */
export interface Applied {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly saved: Saved;
  readonly mode: Mode;
}

/** Writes the gradient of one input when it is asked for; null where the input has none (indices, shapes). */
export type Gradient = (() => string) | null;

/** What every entry of the table may say about itself. */
interface Limits {
  /** Why no gradient is known for this very node, though there is one for its operator; undefined where there is. */
  unsupported?(node: Node): string | undefined;
}

/** An operator that differs from its definition by simpler operators in nothing but speed: their rows are its gradient. */
export interface Composite extends Limits {
  /** Writes the node as operators of the table; the last of them must define the node's outputs. */
  decompose(tape: Tape, node: Node, mode: Mode): void;
}

export interface Row extends Limits {
  /** Writes the node in its training form, where that differs from copying it. */
  forward?(tape: Tape, node: Node, mode: Mode): Saved;
  /**
   * Vector-Jacobian products, one for each input, unsummed where the input was broadcast: the walker sums.
   * @param dy gradient of the first output
   * @param dys gradients of all outputs; undefined where nothing flows back
   */
  vjp(tape: Tape, applied: Applied, dy: string, dys: readonly (string | undefined)[]): readonly Gradient[];
}

export type Entry = Row | Composite;
