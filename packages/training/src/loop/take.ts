/** The next steps of a run. */
import type { Stepper } from '../parallel/stepper.js';
import { checkCancelled } from '../predict.js';
import type { StepInput } from '../state.js';
import type { Batches } from './batches.js';
import type { Batch } from './feeds.js';
import type { Tally } from './tally.js';

export interface Taking {
  readonly stepper: Stepper;
  readonly batches: Batches;
  /** Counts what comes out. */
  readonly tally: Tally;
  /** What a step reads besides the state; `index` counts from 0 among those that are taken now. */
  readonly inputOf: (batch: Batch, index: number) => StepInput;
  readonly signal?: AbortSignal;
}

/**
 * Takes up to `left` steps: as many as the stepper takes in one run. Cancelled between two batches, it takes none.
 * @returns how many
 */
export async function takeSteps(o: Taking, left: number): Promise<number> {
  const count = Math.min(o.stepper.together ?? 1, left);
  const batches: Batch[] = [];
  for (let i = 0; i < count; i++) {
    checkCancelled(o.signal, 'training');
    batches.push(await o.batches.next());
  }
  const inputs = batches.map(o.inputOf);
  const results = o.stepper.steps ? await o.stepper.steps(inputs) : [await o.stepper.step(inputs[0]!)];
  results.forEach(({ loss, output }, i) => o.tally.add(loss, output, batches[i]!));
  return count;
}
