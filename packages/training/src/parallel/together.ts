/** How many steps are worth taking in one run. */
import { OnnxError, summarize, type Model } from '@verge/onnx';

/** Beyond this the fixed price of a run is no longer felt, and a stack of batches is only memory. */
const MOST = 8;
/** Multiply-accumulates of a forward pass up to which it is felt: a step of some milliseconds. */
const SMALL = 32e6;

/** Of one sample; null where an operator's or the model's sizes are not known for a batch of one. */
function macsOf(model: Model): number | null {
  try {
    return summarize(model).macs;
  } catch (error) {
    if (error instanceof OnnxError) return null;
    throw error;
  }
}

export function stepsTogether(model: Model, batch: number): number {
  const macs = macsOf(model);
  return macs !== null && macs * batch <= SMALL ? MOST : 1;
}
