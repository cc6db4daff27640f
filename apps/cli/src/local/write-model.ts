/** Writing a model of any size: in one file, or with its weights in a second one beside it. */
import { open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { encodeModel, MOST_IN_ONE_MESSAGE, type Model, saveExternalData, storedBytes } from '@verge/onnx';
import { CliError } from '../errors.js';
import { writeWhole } from './files.js';

/** The weights in `FILE.data`. @returns the model that refers to it, and how many bytes the file has */
async function writeData(path: string, model: Model): Promise<{ model: Model; bytes: number }> {
  const [data, draft] = [`${path}.data`, `${path}.data.${process.pid}.new`];
  const file = await open(draft, 'w').catch((cause: unknown) => {
    throw new CliError('usage', `cannot write '${data}'`, [String(cause)], { cause });
  });
  let bytes = 0;
  let refers: Model;
  try {
    refers = await saveExternalData(model, { location: basename(data) }, async (chunk) => {
      await file.writeFile(chunk.bytes);
      bytes = chunk.offset + chunk.bytes.byteLength;
    });
    await file.sync();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  // A kill between the two files leaves no model, rather than one with the weights of another.
  await rm(path, { force: true });
  await rename(draft, data);
  return { model: refers, bytes };
}

/**
 * Writes a model so that a kill leaves a whole one or none. What is too large for one file (protobuf allows 2 GiB) gets its weights
 * in `FILE.data`.
 * @param most bytes of tensors in one file
 * @returns bytes written, both files together
 */
export async function writeModel(path: string, model: Model, most = MOST_IN_ONE_MESSAGE): Promise<number> {
  const { model: small, bytes } = storedBytes(model) > most ? await writeData(path, model) : { model, bytes: 0 };
  const content = encodeModel(small);
  await writeWhole(path, content);
  return content.byteLength + bytes;
}
