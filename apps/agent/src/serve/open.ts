/** A model file, loaded and warmed up in a process of its own. */
import { RuntimeError } from '@verge/runtime';
import { AgentError } from '../errors.js';
import type { Serving } from '../serving.js';
import { describe, type ModelGiven } from './describe.js';
import { openModelFile, type ModelFile } from './model-file.js';

export interface OpenedModel {
  file: ModelFile;
  /** From the start of its process to its first answers to made-up input, milliseconds. */
  loadMs: number;
  /** Why made-up input gave no answer; null where it did. */
  warmUpProblem: string | null;
}

/**
 * @param serving which serves nothing yet
 * @throws AgentError `FILE_MISSING`, `MODEL_REFUSED`, `GIVEN_UNFIT`; no process is left behind
 */
export async function openModel(serving: Serving, path: string, given: ModelGiven): Promise<OpenedModel> {
  const file = await openModelFile(path);
  const { digest, read } = file;
  const from = performance.now();
  try {
    const describing = { digest, digestOf: 'model', read } as const;
    const { warmUpProblem } = await serving.open(describing, (loaded) => describe(given, loaded));
    return { file, loadMs: performance.now() - from, warmUpProblem };
  } catch (cause) {
    if (!(cause instanceof RuntimeError)) throw cause;
    throw new AgentError('MODEL_REFUSED', `ONNX Runtime does not load '${path}': ${cause.message}`, { cause });
  }
}
