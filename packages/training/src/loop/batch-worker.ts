/** Entry of the worker thread that prepares batches ahead of the steps; answers every request in order. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PreparedMessage, RawMessage } from './prefetch.js';
import { prepareInput, type Preparation } from './prepare.js';

const preparation = workerData as Preparation;

parentPort?.on('message', ({ id, values, seed }: RawMessage) => {
  try {
    const x = prepareInput(values, seed, preparation);
    const message: PreparedMessage = { id, x };
    parentPort?.postMessage(message, [x.buffer as ArrayBuffer]);
  } catch (error) {
    const message: PreparedMessage = { id, error };
    parentPort?.postMessage(message);
  }
});
