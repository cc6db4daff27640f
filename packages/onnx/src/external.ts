/** Tensors that stay in files beside the model (onnx.proto, TensorProto.external_data). */
import { byteLengthOf, tensorOverBytes } from './datatypes.js';
import { OnnxError } from './errors.js';
import type { Model, StoredTensor } from './ir.js';
import { eachStored, mapStored } from './stored.js';
import { elementCount } from './tensor.js';

/** Whether a location is a relative path that stays inside the folder of the model. */
export function staysInside(location: string): boolean {
  if (location === '' || /^[/\\]|^[A-Za-z]:|\0/.test(location)) return false;
  return !location.split(/[/\\]/).includes('..');
}

/** The files that a model's tensors lie in, relative to the model. */
export function externalLocations(model: Model): string[] {
  const locations = new Set<string>();
  eachStored(model, ({ value }) => {
    if ('external' in value) locations.add(value.external.location);
  });
  return [...locations];
}

interface Place {
  location: string;
  offset: number;
  length: number;
}

/** Where the bytes of an external tensor lie, which must be in the model's folder and as many as its shape takes. */
function placeOf({ name, value }: StoredTensor): Place | null {
  if (!('external' in value)) return null;
  const { location, offset, length } = value.external;
  const where = `tensor ${JSON.stringify(name)} in ${JSON.stringify(location)}`;
  if (!staysInside(location)) throw new OnnxError('tensor-data', `${where} lies outside of the model's folder`);
  const { dtype, dims } = value;
  if (dtype === 'string') throw new OnnxError('unsupported', `${where}: strings cannot be external`);
  const expected = byteLengthOf(dtype, elementCount(dims));
  if (length !== null && length !== expected) {
    throw new OnnxError('tensor-data', `${where}: ${dtype}[${dims}] takes ${expected} bytes, ${length} are declared`);
  }
  return { location, offset, length: expected };
}

function withBytes(tensor: StoredTensor, bytes: Uint8Array): StoredTensor {
  const { dtype, dims } = tensor.value;
  if (dtype === 'string') throw new OnnxError('unsupported', 'strings cannot be external');
  return { ...tensor, value: tensorOverBytes(dtype, dims, bytes), encoding: 'raw' };
}

/**
 * A copy of the model that holds its external tensors itself, as views of the files.
 * @param files contents by location, as `externalLocations` lists them
 * @throws OnnxError `tensor-data` when a file is missing, too short or outside of the model's folder
 */
export function loadExternalData(model: Model, files: ReadonlyMap<string, Uint8Array>): Model {
  return mapStored(model, (tensor) => {
    const place = placeOf(tensor);
    if (!place) return tensor;
    const { location, offset, length } = place;
    const where = `tensor ${JSON.stringify(tensor.name)} in ${JSON.stringify(location)}`;
    const file = files.get(location);
    if (!file) throw new OnnxError('tensor-data', `${where}: this file was not given`);
    if (offset + length > file.length) {
      throw new OnnxError('tensor-data', `${where}: ${offset} + ${length} bytes are beyond its ${file.length}`);
    }
    return withBytes(tensor, file.subarray(offset, offset + length));
  });
}

/** Reads `length` bytes of a file beside the model; fewer where the file ends before. */
export type ReadExternal = (location: string, offset: number, length: number) => Uint8Array | Promise<Uint8Array>;

/**
 * Like `loadExternalData`, but reads each tensor by itself, for files that are too large to hold whole. Tensors at one
 * place are read once. All places are checked before anything is read.
 * @throws OnnxError `tensor-data` when a file is too short or outside of the model's folder
 */
export async function readExternalData(model: Model, read: ReadExternal): Promise<Model> {
  const places = new Map<string, Place>();
  const keyOf = ({ location, offset, length }: Place): string => `${offset} ${length} ${location}`;
  eachStored(model, (tensor) => {
    const place = placeOf(tensor);
    if (place) places.set(keyOf(place), place);
  });
  const found = new Map<string, Uint8Array>();
  for (const [key, { location, offset, length }] of places) {
    const bytes = await read(location, offset, length);
    if (bytes.length !== length) {
      const where = `${JSON.stringify(location)} at ${offset}`;
      throw new OnnxError('tensor-data', `${where}: ${length} bytes expected, ${bytes.length} read`);
    }
    found.set(key, bytes);
  }
  return mapStored(model, (tensor) => {
    const place = placeOf(tensor);
    return place ? withBytes(tensor, found.get(keyOf(place))!) : tensor;
  });
}
