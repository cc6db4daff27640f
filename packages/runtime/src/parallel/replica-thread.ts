/** The thread of one replica. It is started by `ReplicaThreads` and ends itself when it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ReplicaSpec } from '@verge/onnx';
import { messageOf, RuntimeError, type RuntimeErrorCode } from '../errors.js';
import { ReplicaMemory, shapeOf } from './replica-memory.js';
import { Replica, type ReplicaOrder } from './replica.js';

export interface ReplicaData {
  readonly spec: ReplicaSpec;
  readonly index: number;
  readonly buffer: SharedArrayBuffer;
}

export type ToReplica = ({ readonly kind: 'step' } & ReplicaOrder) | { readonly kind: 'close' };
export type FromReplica =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly code: RuntimeErrorCode; readonly message: string };

const port = parentPort;
if (!port) throw new Error('this file is the program of a thread');
const { spec, index, buffer } = workerData as ReplicaData;
const memory = new ReplicaMemory(buffer, shapeOf(spec));

function answer(message: FromReplica): void {
  port?.postMessage(message);
}

function fail(error: unknown): void {
  // The others may be waiting for this replica's gradient.
  memory.abort();
  answer({
    kind: 'failed',
    code: error instanceof RuntimeError ? error.code : 'run-failed',
    message: messageOf(error),
  });
}

const opening = Replica.open(spec, index, memory);
opening.then(() => answer({ kind: 'done' }), fail);

port.on('message', (message: ToReplica) => {
  if (message.kind === 'close') {
    void opening
      .then(
        (replica) => replica.release(),
        () => undefined,
      )
      .finally(() => port.close());
    return;
  }
  opening
    .then((replica) => replica.step(message))
    .then(() => (memory.aborted ? undefined : answer({ kind: 'done' })))
    .catch(fail);
});
