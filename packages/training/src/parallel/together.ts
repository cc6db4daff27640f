/** How many steps are worth taking in one run. */
import { OnnxError, summarize, type Model } from '@verge/onnx';

/** Beyond this the fixed price of a run is no longer felt, and a stack of batches is only memory. */
const MOST = 8;
/** Multiply-accumulates of a forward pass up to which it is felt: a step of some milliseconds. */
const SMALL = 32e6;

/**
 * What a run costs in proportion to the state: the binding copies every result (into fresh memory, 2 GB/s), where steps in one
 * run hand the state on. Forward and backward take some 40 GMAC/s.
 */
const [COPIED_PER_SECOND, MACS_PER_SECOND, PASSES] = [2e9, 40e9, 3];
/** Shares of a step that the copies may take before steps go together. */
const SMALL_SHARE = 0.03;
/** Beyond these bytes the states of two steps, which a run of several holds, are too much memory. */
const LARGE = 2 ** 27;
/** Seconds of a run: cancelling waits for it. */
const LONGEST = 1;

/** Of one sample; null where an operator's or the model's sizes are not known for a batch of one. */
function macsOf(model: Model): number | null {
  try {
    return summarize(model).macs;
  } catch (error) {
    if (error instanceof OnnxError) return null;
    throw error;
  }
}

/** @param stateBytes of what a step replaces: parameters, statistics and the optimiser's vectors */
export function stepsTogether(model: Model, batch: number, stateBytes: number): number {
  const macs = macsOf(model);
  if (macs === null) return 1;
  if (macs * batch <= SMALL) return MOST;
  const step = (PASSES * macs * batch) / MACS_PER_SECOND;
  if (stateBytes > LARGE || stateBytes / COPIED_PER_SECOND < SMALL_SHARE * step) return 1;
  const many = [MOST, MOST / 2, MOST / 4].find((count) => count * step <= LONGEST);
  return many ?? 1;
}
