/**
 * Freeing memory at once. The binding copies every output into a new ArrayBuffer, also those that the executor has written
 * to their place already. Left to the garbage collector, such copies drive it: at 1.6 MB a run V8 marks its whole heap again
 * and again on helper threads (2.8 instead of 0.9 CPU ms a step of a small MLP, in every second process), and each copy lies
 * in memory that no cache holds.
 */
import { MessageChannel } from 'node:worker_threads';

// What is transferred to a closed port is detached from its owner and delivered to nobody, so its memory goes at once (HTML,
// "message port post message steps": the message is serialised with its transfer list before the target is looked for).
const { port1: nowhere, port2: end } = new MessageChannel();
end.close();
nowhere.close();

/** Detaches a buffer, so that its memory is free before the next collection; its views are empty from then on. */
export function discard(buffer: ArrayBuffer): void {
  nowhere.postMessage(null, [buffer]);
}

/** Larger than most gaps of a heap, so that it goes to its end. */
const LID_BYTES = 2 ** 20;

/**
 * Keeps memory that is freed run after run with the process. glibc gives what is free at the end of its heap back to the system, and the
 * next copies cost a page fault every 4 KiB (228 MB of state: 54,000 faults, 130 of 760 ms of a step); what lies below a block
 * in use stays. Another allocator sees a few blocks that nobody reads.
 */
export class Lids {
  readonly #blocks: ArrayBuffer[] = [];
  #runs = 0;

  /** Called while copies are there; after runs 1, 2, 4 and so on a block is put behind them, since the heap changes and a block may end in a gap. */
  close(): void {
    this.#runs++;
    if (this.#runs === 2 ** this.#blocks.length) this.#blocks.push(new ArrayBuffer(LID_BYTES));
  }
}
