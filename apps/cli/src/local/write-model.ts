/** Writing a model of any size: in one file, or with its weights in a second one beside it. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodeModel, encodePieces, MOST_IN_ONE_MESSAGE, type Model, saveExternalData, storedBytes } from '@verge/onnx';
import { COLLECT_AFTER, collectGarbage } from '@verge/runtime';
import { CliError } from '../errors.js';

/** A written model that is not yet where it belongs. */
export interface Draft {
  /** Where it can be run from meanwhile. */
  readonly path: string;
  /** Bytes of its files together. */
  readonly bytes: number;
  /** Moves it to its place. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

/** Writes the pieces one after the other and waits until they are on the disk. @returns bytes written */
async function writePieces(path: string, write: (put: (bytes: Uint8Array) => Promise<void>) => Promise<void>) {
  const file = await open(path, 'w');
  let bytes = 0;
  let since = 0;
  try {
    await write(async (piece) => {
      await file.writeFile(piece);
      bytes += piece.byteLength;
      since += piece.byteLength;
      if (since < COLLECT_AFTER) return;
      // Weights may have been read from a disk, or made, for this piece alone.
      collectGarbage();
      since = 0;
    });
    await file.sync();
  } finally {
    await file.close();
  }
  return bytes;
}

/**
 * Writes a model into a folder beside its place, so that it can be checked before it is there. What is too large for one file (protobuf
 * allows 2 GiB) gets its weights in `FILE.data`. Weights are written from where they lie in memory.
 * @param path where the model belongs
 * @param most bytes of tensors in one file
 * @throws CliError `usage` when nothing can be written there
 */
export async function draftModel(path: string, model: Model, most = MOST_IN_ONE_MESSAGE): Promise<Draft> {
  const folder = `${path}.${process.pid}.new`;
  const [file, data] = [join(folder, basename(path)), join(folder, `${basename(path)}.data`)];
  const drop = (): Promise<void> => rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: false }).catch((cause: unknown) => {
    throw new CliError('usage', `cannot write '${path}'`, [String(cause)], { cause });
  });
  const apart = storedBytes(model) > most;
  let bytes = 0;
  try {
    let written = model;
    if (apart)
      bytes += await writePieces(data, async (put) => {
        written = await saveExternalData(model, { location: basename(data) }, (chunk) => put(chunk.bytes));
      });
    const pieces = apart ? [encodeModel(written)] : encodePieces(written);
    bytes += await writePieces(file, async (put) => {
      for (const piece of pieces) await put(piece);
    });
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    path: file,
    bytes,
    drop,
    async keep() {
      // A kill between the two files leaves no model, rather than one with the weights of another.
      if (apart) {
        await rm(path, { force: true });
        await rename(data, `${path}.data`);
      }
      await rename(file, path);
      await drop();
    },
  };
}

/**
 * Writes a model so that a kill leaves a whole one or none.
 * @returns bytes written, of both files together where there are two
 * @throws as `draftModel`
 */
export async function writeModel(path: string, model: Model, most = MOST_IN_ONE_MESSAGE): Promise<number> {
  const draft = await draftModel(path, model, most);
  await draft.keep();
  return draft.bytes;
}
