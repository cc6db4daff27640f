/** How many steps are worth taking in one run. */
import { summarize, type Model } from '@verge/onnx';

/** Beyond this the fixed price of a run is no longer felt, and a stack of batches is only memory. */
const TOGETHER = 8;
/** Multiply-accumulates of a forward pass up to which it is felt: a step of some 3 ms. */
const SMALL = 32e6;

export function stepsTogether(model: Model, batch: number): number {
  const { macs } = summarize(model);
  return macs !== null && macs * batch <= SMALL ? TOGETHER : 1;
}
