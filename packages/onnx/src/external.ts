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

function load(tensor: StoredTensor, files: ReadonlyMap<string, Uint8Array>): StoredTensor {
  const { value } = tensor;
  if (!('external' in value)) return tensor;
  const { location, offset, length } = value.external;
  const where = `tensor ${JSON.stringify(tensor.name)} in ${JSON.stringify(location)}`;
  const file = files.get(location);
  if (!staysInside(location)) throw new OnnxError('tensor-data', `${where} lies outside of the model's folder`);
  if (!file) throw new OnnxError('tensor-data', `${where}: this file was not given`);
  const { dtype, dims } = value;
  if (dtype === 'string') throw new OnnxError('unsupported', `${where}: strings cannot be external`);
  const expected = byteLengthOf(dtype, elementCount(dims));
  if (length !== null && length !== expected) {
    throw new OnnxError('tensor-data', `${where}: ${dtype}[${dims}] takes ${expected} bytes, ${length} are declared`);
  }
  if (offset + expected > file.length) {
    throw new OnnxError('tensor-data', `${where}: ${offset} + ${expected} bytes are beyond its ${file.length}`);
  }
  return { ...tensor, value: tensorOverBytes(dtype, dims, file.subarray(offset, offset + expected)), encoding: 'raw' };
}

/**
 * A copy of the model that holds its external tensors itself.
 * @param files contents by location, as `externalLocations` lists them
 * @throws OnnxError `tensor-data` when a file is missing, too short or outside of the model's folder
 */
export function loadExternalData(model: Model, files: ReadonlyMap<string, Uint8Array>): Model {
  return mapStored(model, (tensor) => load(tensor, files));
}
