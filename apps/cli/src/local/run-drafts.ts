/** Checking what is written by running it from its file, while this process holds none of the weights. */
import { eachStored, type Model, type ModelOpener } from '@verge/onnx';
import { discard, openInProcess } from '@verge/runtime';
import { type Draft, draftModel } from './write-model.js';

/** Buffers of fewer bytes are left to the collector. */
const LARGE = 2 ** 20;

/** Frees the memory of large tensors that have a buffer of their own. Their elements cannot be read from then on; all else stays. */
export function letGo(...models: readonly Model[]): void {
  const buffers = new Set<ArrayBuffer>();
  for (const model of models)
    eachStored(model, ({ value }) => {
      if ('external' in value || value.dtype === 'string') return;
      const { buffer, byteLength } = value.data;
      // Small tensors may be views of one buffer: that of the file's message.
      const own = byteLength === buffer.byteLength && byteLength >= LARGE;
      if (own && buffer instanceof ArrayBuffer) buffers.add(buffer);
    });
  for (const buffer of buffers) discard(buffer);
}

export interface Checked {
  readonly model: Model;
  /** The file that it lies in as it is; it is written to a draft of its own when absent. */
  readonly path?: string;
}

/**
 * Writes the result beside its place, lets go of all weights, has both models run one after the other from their files, and moves the
 * result to its place. Where the check fails nothing is left.
 * @param original what the result is compared with
 * @param check compares, on sessions that `open` makes; null checks nothing
 * @returns what the check gave, and bytes written
 */
export async function writeChecked<T>(
  out: string,
  result: Model,
  original: Checked,
  check: ((open: ModelOpener) => Promise<T>) | null,
): Promise<{ checked: T | null; bytes: number }> {
  const draft = await draftModel(out, result);
  const drafts: Draft[] = [draft];
  try {
    if (!check) {
      await draft.keep();
      return { checked: null, bytes: draft.bytes };
    }
    const open: ModelOpener = async (model, options) => {
      if (model === result) return openInProcess(draft.path, options);
      let path = model === original.model ? original.path : undefined;
      if (path === undefined) {
        const other = await draftModel(`${out}.original`, model);
        drafts.push(other);
        path = other.path;
      }
      letGo(model, result, original.model);
      return openInProcess(path, options);
    };
    const checked = await check(open);
    await draft.keep();
    return { checked, bytes: draft.bytes };
  } finally {
    for (const each of drafts) await each.drop();
  }
}
