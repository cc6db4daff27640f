/** Sessions on ONNX Runtime, in this process. */
import type { SessionFactory, SessionOptions } from '@verge/onnx';
import { inBfloat16 } from './bfloat16.js';
import { openCarried } from './carried-model.js';
import { openExactly, type OrtSession } from './loaded-session.js';
import type { ModelSource } from './model-source.js';

export type { OrtSession, Port } from './loaded-session.js';

/**
 * Loads a model for execution. One intra-op thread unless told otherwise, no spinning, no telemetry.
 * `run` occupies the calling thread until it returns; use `InferenceProcess` where that matters.
 * Outputs that the binding has no form for are given in another one, and `changes` says so: a classifier's scores without
 * ZipMap, a sequence of tensors as elements, sizes and ranks.
 * @param model the bytes of an ONNX model, at most 2 GiB, or the path of its file
 * @throws RuntimeError `model-refused` when ONNX Runtime does not accept it, `bad-setting` for a bad option
 */
export async function openSession(model: ModelSource, options: SessionOptions = {}): Promise<OrtSession> {
  const { opened, changes } = await openCarried(
    model,
    (source, more) => openExactly(source, { ...options, ...more }),
    (session) => session.release(),
  );
  return changes.length === 0 ? opened : inBfloat16(opened, changes);
}

/** `openSession` as the `SessionFactory` that the engine packages are given. */
export const createSession: SessionFactory = openSession;
