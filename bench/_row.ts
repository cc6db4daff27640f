/** One line of a benchmark: the same work done by Verge and by what a user would pick instead, in one run. */
export interface Row {
  readonly work: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Above 1 means that Verge is better, whatever the unit. */
  readonly ratio: number;
  /** The ratio that must be reached. */
  readonly bar: number;
  readonly ok: boolean;
}
