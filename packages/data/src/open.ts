import { layoutKnown, layoutPipeline } from './layout.js';
import { locate } from './locate.js';
import { preprocessRows } from './preprocess/rows.js';
import type { OpenOptions } from './readers/options.js';
import { readRaw } from './read-raw.js';
import type { RawDataset } from './readers/raw.js';
import { checkSamples, type Dataset } from './samples.js';

/** Samples through the pipeline; lengths stay where an axis still has the padded number of steps. */
function preprocessAll(raw: RawDataset, options: OpenOptions): Pick<Dataset, 'x' | 'shape' | 'lengths'> {
  const dtype = raw.x instanceof Uint8Array ? 'uint8' : 'float32';
  const pipeline = raw.finished ? undefined : (layoutPipeline(options, raw.shape, dtype) ?? options.preprocess);
  const lengths = raw.lengths && { lengths: raw.lengths };
  if (!pipeline) return { x: raw.x, shape: raw.shape, ...lengths };
  const x = preprocessRows(pipeline, raw.x, raw.shape, options.signal);
  const { shape } = pipeline.output;
  return { x, shape, ...(shape.includes(raw.shape[0] as number) && lengths) };
}

/**
 * Opens a data set: a file or folder in a recognised format (`formatNames`), or a folder with a `dataset.json`. Options
 * given here win over the descriptor's.
 * @throws DataError: `not-found`, `unknown-format`, `malformed`, `missing-part`, `unreadable-rows`, `too-large`,
 *   `shape-mismatch`, `bad-preprocess`
 */
export async function openDataset(path: string, given: OpenOptions = {}): Promise<Dataset> {
  const located = await locate(path, given);
  const { format, options, name, split } = located;
  const raw = await readRaw(located);
  const layout = layoutKnown(options, raw.layout);
  const dataset: Dataset = {
    ...preprocessAll(raw, options),
    y: raw.y,
    labels: raw.labels,
    ...(raw.targets && { targets: raw.targets }),
    name,
    ...(layout && { layout }),
    format,
    unreadable: raw.unreadable ?? { count: 0, rows: [] },
    ...(raw.filled !== undefined && { filled: raw.filled }),
    ...(raw.notes && raw.notes.length > 0 && { notes: raw.notes }),
    ...(raw.parts && { parts: raw.parts }),
    ...(raw.groups && { groups: raw.groups }),
    ...(raw.inputs && { inputs: raw.inputs }),
    ...(split !== undefined && { split }),
  };
  checkSamples(dataset);
  return dataset;
}
