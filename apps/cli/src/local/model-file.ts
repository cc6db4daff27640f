/** A model's file, and the files beside it that hold its large tensors. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import {
  decodeModel,
  eachSparse,
  elementCount,
  encodeModel,
  externalLocations,
  type Model,
  OnnxError,
  readExternalData,
} from '@verge/onnx';
import { readHead } from '@verge/runtime';
import { CliError } from '../errors.js';
import { missing, readGiven, readInto } from './files.js';

export interface ModelFile {
  readonly path: string;
  /**
   * The model without its large tensors, which are external: in files beside it, or in the file itself. They are where they are
   * said to be, and the files exist.
   */
  readonly head: Model;
  /** Bytes of the model's file. */
  readonly bytes: number;
  /** Bytes of the other files that its tensors lie in. */
  readonly beside: number;
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

/** Sparse tensors of more elements are not run: 2^28 float32 are 1 GiB, and a file of a few bytes may declare any size. */
const MOST_SPARSE = 2 ** 28;

/** @throws CliError `usage` naming each sparse tensor that an executor, which makes it dense, would need too much memory for */
function refuseSparse(model: Model, path: string): void {
  const huge: string[] = [];
  eachSparse(model, ({ values, dims }) => {
    const elements = elementCount(dims);
    if (elements > MOST_SPARSE)
      huge.push(`'${values.name}' [${dims.join(', ')}] has ${elements.toLocaleString('en')} elements once it is dense`);
  });
  if (huge.length > 0)
    throw new CliError(
      'usage',
      `'${path}' has sparse tensors that are too large to run, ${MOST_SPARSE} are the most`,
      huge,
    );
}

/** The model's file alone: its large tensors need not be there. */
export async function describeModel(path: string): Promise<Pick<ModelFile, 'head' | 'bytes'>> {
  const { size } = await stat(path).catch((cause: unknown) => missing('model', path, cause));
  let head: Uint8Array;
  try {
    head = readHead(path);
  } catch (cause) {
    missing('model', path, cause);
  }
  return { head: decodeFile(head, path), bytes: size };
}

/**
 * A model that is run from its file, or read with `loadModel`; large tensors are not read here. ONNX IR, "External Data": locations are
 * relative to the model's folder and may not leave it.
 * @throws CliError `missing`, also for the files beside it, `usage` for sparse tensors that are too large; OnnxError when the bytes are no ONNX model
 */
export async function openModelFile(path: string): Promise<ModelFile> {
  const { head, bytes } = await describeModel(path);
  const folder = resolve(dirname(path));
  refuseSparse(head, path);
  let beside = 0;
  for (const location of externalLocations(head)) {
    const data = resolve(folder, location);
    if (!data.startsWith(folder + sep))
      throw new CliError('usage', `'${path}' names a data file outside its folder: '${location}'`);
    if (data === resolve(path)) continue;
    beside += (await stat(data).catch((cause: unknown) => missing('external data of the model', data, cause))).size;
  }
  return { path, head, bytes, beside };
}

/**
 * The model with all its tensors, each read by itself.
 * @throws OnnxError `tensor-data` for a file that ends before a tensor does
 */
export async function loadModel({ path, head }: ModelFile): Promise<Model> {
  const files = new Map<string, FileHandle>();
  const folder = resolve(dirname(path));
  try {
    return await readExternalData(head, async (location, offset, length) => {
      const file = files.get(location) ?? (await open(resolve(folder, location), 'r'));
      files.set(location, file);
      const { size } = await file.stat();
      // What is declared may be any number; what is there decides what is allocated.
      return readInto(file, offset, Math.max(0, Math.min(length, size - offset)));
    });
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/**
 * A model as one run of bytes, with the tensors that lie in files beside it inside.
 * @throws as `openModelFile`; OnnxError `too-large` for a model of more than 2 GiB, which no single file can hold
 */
export async function readWholeModel(path: string): Promise<Uint8Array> {
  const file = await openModelFile(path);
  const itself = externalLocations(file.head).every((location) => location === basename(path));
  return itself ? readGiven(path, 'model') : encodeModel(await loadModel(file));
}
