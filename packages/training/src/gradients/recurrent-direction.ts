/** What a recurrent node's gradient is made of, direction by direction, however the cell is differentiated. */

/** Gradients that reach one direction from outside, absent where none does. */
export interface Incoming {
  /** [steps * batch, hidden], of every hidden state. */
  readonly y?: string;
  /** [batch, hidden], of the last hidden state and the last cell state. */
  readonly last?: string;
  readonly lastCell?: string;
}

/** Writes the gradients of one direction, each when it is asked for. */
export interface DirectionGradient {
  /** Of x, [steps * batch, features]. */
  readonly input: () => string;
  /** [gates * hidden, features], [gates * hidden, hidden] and [2 * gates * hidden], as the operator has them. */
  readonly w: () => string;
  readonly r: () => string;
  readonly b: () => string;
  /** [batch, hidden] */
  readonly initialHidden: () => string;
  readonly initialCell?: () => string;
  /** [3 * hidden] */
  readonly peephole?: () => string;
}
