/** A model that ONNX Runtime runs and whose inputs or outputs its JavaScript binding does not hand over. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { carriedForm, decodeModel, type EdgeChange, encodeModel, type SessionOptions } from '@verge/onnx';
import { RuntimeError } from './errors.js';
import type { Port } from './loaded-session.js';
import type { ModelSource } from './model-source.js';

export interface CarriedModel {
  readonly bytes: Uint8Array;
  readonly changes: readonly EdgeChange[];
}

/** Whether the binding refused an element type of an input or output (bfloat16 is 16); it does so as it lists them. */
const refusesType = (error: unknown): boolean =>
  error instanceof RuntimeError && error.code === 'model-refused' && error.message.includes('Unsupported data type');

/** Whether some output is no tensor (a sequence, a map): a run would fail. */
export const lacksTensors = (ports: readonly Port[]): boolean => ports.some((port) => port.dtype === 'not-a-tensor');

/** The model with edges that can be handed over; null where nothing about it can be changed. */
export function carriedModel(model: Uint8Array): CarriedModel | null {
  const { model: changed, changes } = carriedForm(decodeModel(model));
  return changes.length === 0 ? null : { bytes: encodeModel(changed), changes };
}

/**
 * Opens a model as it is, and where the binding cannot hand over its edges, in a form where it can.
 * @param open makes something of the model, which has outputs; what is changed of a file has its weights beside that file still
 * @param close ends what was opened in vain
 */
export async function openCarried<T extends { readonly outputs: readonly Port[] }>(
  model: ModelSource,
  open: (model: ModelSource, options: Pick<SessionOptions, 'externalFolder'>) => Promise<T>,
  close: (opened: T) => Promise<unknown>,
): Promise<{ opened: T; changes: readonly EdgeChange[] }> {
  const changed = async (): Promise<CarriedModel | null> =>
    carriedModel(typeof model === 'string' ? new Uint8Array(await readFile(model)) : model);
  const beside = typeof model === 'string' ? { externalFolder: dirname(model) } : {};
  const first = await open(model, {}).catch(async (error: unknown) => {
    if (!refusesType(error)) throw error;
    const carried = await changed();
    if (!carried) throw error;
    return carried;
  });
  if ('bytes' in first) return { opened: await open(first.bytes, beside), changes: first.changes };
  const carried = lacksTensors(first.outputs) ? await changed() : null;
  if (!carried) return { opened: first, changes: [] };
  await close(first);
  return { opened: await open(carried.bytes, beside), changes: carried.changes };
}
