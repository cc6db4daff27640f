/** A model between two passes, and the file that it is: bytes in memory, or where it lies with its weights on a disk. */
import { join } from 'node:path';
import {
  belongsOnShelf,
  encodedBytes,
  encodeModel,
  type Model,
  MOST_IN_ONE_MESSAGE,
  type Scratch,
  shelve,
  shelveMessage,
  storedBytes,
} from '@verge/onnx';
import type { MeasuredModel } from '@verge/training';

/** Bytes of a model's file; where one file would be too large, of its message and weights. */
export const sizeOf = ({ file }: Pick<MeasuredModel, 'file'>): number =>
  file instanceof Uint8Array ? file.byteLength : file.bytes;

export const bytesOf = ({ model, file }: MeasuredModel): Uint8Array =>
  file instanceof Uint8Array ? file : encodeModel(model);

/** What one file cannot hold is its tensors and a message that says where they are, which takes next to nothing beside them. */
function sizeAsFile(model: Model): number {
  const weights = storedBytes(model);
  return weights > MOST_IN_ONE_MESSAGE ? weights : encodedBytes(model);
}

/**
 * The model with its file. Where its weights belong on the disk they are written there, and read again where somebody asks for them: then
 * nothing of them is in memory once the model that was given is gone.
 */
export async function heldModel(model: Model, scratch: Scratch | undefined): Promise<MeasuredModel> {
  if (!belongsOnShelf(scratch, model)) return { model, file: encodeModel(model) };
  const shelved = shelve([model], scratch)[0] as Model;
  const path = join(scratch.folder, await shelveMessage(shelved, scratch));
  return { model: shelved, file: { path, bytes: sizeAsFile(shelved) } };
}
