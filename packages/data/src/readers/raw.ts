import type { Elements, Part, UnreadableRow } from '../samples.js';

/** What a reader of arrays hands over, before preprocessing. */
export interface RawDataset {
  kind: 'arrays';
  format: string;
  x: Elements;
  shape: number[];
  y: Int32Array;
  labels: string[];
  parts?: Part[];
  unreadable?: { count: number; rows: readonly UnreadableRow[] };
}
