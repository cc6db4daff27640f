/** What a format has to offer so that its samples can be read a few at a time. */
import type { SampleLayout } from '../layout.js';
import type { Elements, Part, Targets, UnreadableRow } from '../samples.js';

/** Rows as read: all that were asked for, or with `kept` only those at these places of the asked. */
export interface RowBlock {
  readonly x: Elements;
  readonly kept?: readonly number[];
}

export interface RawSource {
  readonly shape: readonly number[];
  /** See `Samples.layout`; of what is stored. */
  readonly layout?: SampleLayout;
  readonly dtype: 'uint8' | 'float32';
  /** Class index of each sample, and with it their number. */
  readonly y: Int32Array;
  readonly labels: readonly string[];
  /** See `Samples.targets`; in memory, as y is. */
  readonly targets?: Targets;
  readonly parts?: readonly Part[];
  readonly groups?: Int32Array;
  readonly lengths?: Int32Array;
  readonly filled?: number;
  /** See `Dataset.notes`. */
  readonly notes?: readonly string[];
  /** Whether the pipeline of the options has been applied already: encoded samples have no shape before it. */
  readonly finished?: boolean;
  /** Rows left out so far; encoded samples show what they are only when they are read. */
  readonly unreadable: { readonly count: number; readonly rows: readonly UnreadableRow[] };
  /** Samples that lie side by side and are decoded together, where single ones cannot be. */
  readonly block?: number;
  rows(indices: ArrayLike<number>): Promise<RowBlock>;
  /** @throws DataError `unreadable-rows` when more rows than allowed were found to be unreadable */
  check?(): void;
  close(): Promise<void>;
}

/** An array of the type's elements. */
export const elementsOf = (dtype: 'uint8' | 'float32', length: number): Elements =>
  dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
