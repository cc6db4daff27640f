import type { SampleLayout } from '../layout.js';
import type { DatasetFormat } from '@verge/contracts';
import type { Elements, FurtherInput, Part, UnreadableRow } from '../samples.js';

/** What a reader of arrays hands over, before preprocessing. */
export interface RawDataset {
  kind: 'arrays';
  format: DatasetFormat;
  x: Elements;
  shape: number[];
  /** See `Samples.layout`; of what is stored. */
  layout?: SampleLayout;
  y: Int32Array;
  labels: string[];
  parts?: Part[];
  /** See `Samples.targets`. */
  targets?: Float32Array | Int32Array;
  /** See `Samples.inputs`. */
  inputs?: Readonly<Record<string, FurtherInput>>;
  /** See `Dataset.groups`. */
  groups?: Int32Array;
  /** Steps of each sample before padding, where they differ. */
  lengths?: Int32Array;
  /** Missing values that were filled. */
  filled?: number;
  /** See `Dataset.notes`. */
  notes?: readonly string[];
  /** Whether the pipeline of the options has been applied already. */
  finished?: boolean;
  unreadable?: { count: number; rows: readonly UnreadableRow[] };
}
