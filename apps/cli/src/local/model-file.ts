/** A model's file, and the files beside it that hold its large tensors. */
import { dirname, resolve, sep } from 'node:path';
import { decodeModel, encodeModel, externalLocations, loadExternalData, type Model, OnnxError } from '@verge/onnx';
import { CliError } from '../errors.js';
import { readGiven } from './files.js';

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Options that a session on these bytes needs. */
  readonly session: { readonly externalData?: ReadonlyMap<string, Uint8Array> };
}

/** ONNX IR, "External Data": locations are relative to the model's folder and may not leave it. */
async function externalData(model: Model, file: string): Promise<Map<string, Uint8Array>> {
  const folder = resolve(dirname(file));
  const contents = new Map<string, Uint8Array>();
  for (const location of externalLocations(model)) {
    const path = resolve(folder, location);
    if (!path.startsWith(folder + sep))
      throw new CliError('usage', `'${file}' names a data file outside its folder: '${location}'`);
    contents.set(location, await readGiven(path, 'external data of the model'));
  }
  return contents;
}

/** @throws OnnxError that names the file, when its bytes are no ONNX model */
export function decodeFile(bytes: Uint8Array, path: string): Model {
  try {
    return decodeModel(bytes);
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    throw new OnnxError(cause.code, `'${path}' cannot be read as an ONNX model: ${cause.message}`, { cause });
  }
}

/**
 * @param names what sizes there are: `symbolicSizes`, or `openSizes` where those without a name count too
 * @param dims sizes as an option gives them
 * @throws CliError `usage` naming every size that no input has
 */
export function refuseUnknownSizes(
  names: Iterable<string>,
  option: string,
  dims: Readonly<Record<string, number>> = {},
): void {
  const known = new Set(names);
  const lost = Object.keys(dims).filter((name) => !known.has(name));
  if (lost.length === 0) return;
  throw new CliError('usage', `${option}: no input has a size called ${lost.map((name) => `'${name}'`).join(', ')}`, [
    known.size > 0 ? `there are ${[...known].join(', ')}` : 'every size is fixed',
  ]);
}

/**
 * A model as one run of bytes, with the tensors that lie in files beside it inside.
 * @throws as `readModel`; OnnxError `too-large` for a model of more than 2 GiB, which no single file can hold
 */
export async function readWholeModel(path: string): Promise<Uint8Array> {
  const { bytes, session } = await readModel(path);
  if (!session.externalData) return bytes;
  return encodeModel(loadExternalData(decodeFile(bytes, path), session.externalData));
}

/** @throws CliError `missing`, OnnxError when the bytes are no ONNX model */
export async function readModel(path: string): Promise<ModelFile> {
  const bytes = await readGiven(path, 'model');
  const external = await externalData(decodeFile(bytes, path), path);
  return { bytes, session: external.size > 0 ? { externalData: external } : {} };
}
