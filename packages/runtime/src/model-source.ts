/** What a model is loaded from. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeModel, externalLocations, modelHead } from '@verge/onnx';

/**
 * The bytes of an ONNX model, or the path of its file. ONNX Runtime reads a file itself: weights beside it are mapped, and a second
 * copy in this process is not needed. A path costs about the file's size in memory, bytes about three times that.
 */
export type ModelSource = Uint8Array | string;

function readPart(file: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(file, bytes, filled, Math.min(length - filled, 2 ** 30), offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/**
 * The message of a model file without its large tensors: those are external data, of other files or (`modelHead`) of the file
 * itself. A file that has none, or is no model, is read as it is.
 * @throws what the file system says
 */
export function readHead(path: string): Uint8Array {
  const { size } = statSync(path);
  const file = openSync(path, 'r');
  try {
    const head = modelHead(
      (offset, length) => readPart(file, offset, Math.min(length, size - offset)),
      size,
      basename(path),
    );
    return head ?? new Uint8Array(readFileSync(path));
  } finally {
    closeSync(file);
  }
}

/** The message that describes the model, whole or without its large tensors. */
export const headOf = (model: ModelSource): Uint8Array => (typeof model === 'string' ? readHead(model) : model);

/** Bytes of a model's file and of those beside it that hold its tensors. */
export function sourceBytes(model: ModelSource): number {
  if (typeof model !== 'string') return model.byteLength;
  const beside = externalLocations(decodeModel(readHead(model))).map((location) => join(dirname(model), location));
  return [...new Set([path(model), ...beside.map(path)])].reduce((sum, file) => sum + statSync(file).size, 0);
}

const path = (file: string): string => join(dirname(file), basename(file));
