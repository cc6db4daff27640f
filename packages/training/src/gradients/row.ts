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

export interface Row {
  /** Writes the node in its training form, where that differs from copying it. */
  forward?(tape: Tape, node: Node, mode: Mode): Saved;
  /**
   * Vector-Jacobian products, one for each input, unsummed where the input was broadcast: the walker sums.
   * @param dy gradient of the first output
   * @param dys gradients of all outputs; undefined where nothing flows back
   */
  vjp(tape: Tape, applied: Applied, dy: string, dys: readonly (string | undefined)[]): readonly Gradient[];
}
