/** A session whose model runs in a process of its own: what ends that process is an error here. */
import type { SessionFactory, SessionOptions } from '@verge/onnx';
import { inBfloat16 } from '../bfloat16.js';
import { RuntimeError } from '../errors.js';
import type { OrtSession } from '../loaded-session.js';
import type { ModelSource } from '../model-source.js';
import { LoadedModel } from './loaded-model.js';

/** Large models take long to be sent, loaded and prepared. */
const START_TIMEOUT_MS = 600_000;

/**
 * `openSession` in a child process, which no crash of a kernel can leave. A run costs a copy of feeds and outputs through
 * a socket, and has no limit of time. Places for outputs are not taken (`bad-setting`).
 * @throws RuntimeError `model-refused`; `start-failed` also when loading ends the process. `run` throws `crashed` when the
 *   run ends it, and for every run after that.
 */
export async function openInProcess(model: ModelSource, options: SessionOptions = {}): Promise<OrtSession> {
  const loaded = await LoadedModel.load(model, '', {
    ...options,
    warmupRuns: 0,
    startTimeoutMs: START_TIMEOUT_MS,
  });
  const session: OrtSession = {
    inputs: loaded.inputs,
    outputs: loaded.outputs,
    inputNames: loaded.inputs.map((port) => port.name),
    outputNames: loaded.outputs.map((port) => port.name),
    changes: loaded.changes,
    async run(feeds, outputs, into) {
      if (into) throw new RuntimeError('bad-setting', 'a session in another process takes no places for outputs');
      return (await loaded.run(feeds, outputs)).outputs;
    },
    release: () => loaded.drainAndClose(0),
  };
  return loaded.changes.length === 0 ? session : inBfloat16(session, loaded.changes);
}

/** `openInProcess` as the `SessionFactory` that the engine packages are given. */
export const createSessionInProcess: SessionFactory = openInProcess;
