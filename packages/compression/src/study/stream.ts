/**
 * A model run over samples, a few rows at a time. What it gives is written into the same memory in each run, so that what is
 * held depends neither on how many samples there are nor on when garbage is collected.
 */
import type { Session, Tensor } from '@verge/onnx';
import { checkCancelled } from '../errors.js';
import type { Feeds } from './feeds.js';

export interface StreamOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((fraction: number) => void) | undefined;
}

/** Elements of all fetched values of a run, together: 8 MiB of float32. */
const ELEMENTS = 2 ** 21;
/** More rows a run than these are no faster. */
const MOST_ROWS = 32;

const elements = (tensors: Record<string, Tensor>): number =>
  Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);

/**
 * @param names values to fetch, among the session's outputs
 * @param use what is done with them and with what was fed; the tensors are overwritten by the next run
 * @param mostRows of a run
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function stream(
  session: Session,
  feeds: Feeds,
  names: readonly string[],
  use: (fetched: Record<string, Tensor>, fed: Record<string, Tensor>) => Promise<void> | void,
  options: StreamOptions,
  mostRows = MOST_ROWS,
): Promise<void> {
  let rows = feeds.fixedRows ?? 1;
  let into: Record<string, Tensor> | undefined;
  for (let at = 0; at < feeds.count - feeds.leftOut;) {
    checkCancelled(options.signal);
    const taken = Math.min(rows, feeds.count - at);
    const fed = feeds.rows(at, taken);
    const place = taken === rows ? into : undefined;
    const fetched = names.length === 0 ? {} : await session.run(fed, names, place);
    await use(fetched, fed);
    at += taken;
    options.onProgress?.(at / feeds.count);
    // The first run is of one row and tells how much a row gives.
    const wanted = Math.min(mostRows, Math.floor(ELEMENTS / Math.max(1, (elements(fetched) + elements(fed)) / taken)));
    const next = feeds.fixedRows ?? Math.max(1, at === taken ? wanted : rows);
    into = next === taken ? fetched : undefined;
    rows = next;
    await new Promise(setImmediate);
  }
}
