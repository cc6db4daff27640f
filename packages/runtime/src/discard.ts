/**
 * Freeing memory at once. What the binding hands over lies in ArrayBuffers; left to the garbage collector, large ones drive it: at 1.6 MB
 * a run V8 marks its whole heap again and again on helper threads (2.8 instead of 0.9 CPU ms a step of a small MLP, in every
 * second process).
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
