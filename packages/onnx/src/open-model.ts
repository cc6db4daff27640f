/** Sessions on decoded models of any size. */
import { encodeModel } from './codec/model.js';
import { rawBytes, tensorBytes } from './datatypes.js';
import type { Model, StoredTensor } from './ir.js';
import type { Session, SessionFactory, SessionOptions } from './session.js';
import { openShelved, shelfOf } from './shelf.js';
import { storedBytes } from './stored.js';

/** Weights of more bytes than this are handed over beside the message; a protobuf message cannot exceed 2 GiB. */
export const MOST_IN_ONE_MESSAGE = 2 ** 30;

/** Initializers of fewer bytes stay in the message. */
const SMALL = 2 ** 16;

export interface Apart {
  readonly bytes: Uint8Array;
  /** The large initializers as files of their own, views of the model's memory. */
  readonly externalData?: ReadonlyMap<string, Uint8Array>;
}

/**
 * A model as a session takes it: in one message, or where that would be too large with its large initializers beside it (ONNX IR,
 * external data). Nothing of those is copied.
 * @param most bytes of tensors in the message
 */
export function encodeApart(model: Model, most = MOST_IN_ONE_MESSAGE): Apart {
  if (storedBytes(model) <= most) return { bytes: encodeModel(model) };
  const externalData = new Map<string, Uint8Array>();
  const initializers = [...model.graph.initializers].map(([name, stored]): [string, StoredTensor] => {
    const { value } = stored;
    if ('external' in value || value.dtype === 'string' || stored.segment || tensorBytes(value) < SMALL)
      return [name, stored];
    const [location, bytes] = [`tensor-${externalData.size}`, rawBytes(value)];
    externalData.set(location, bytes);
    const external = { location, offset: 0, length: bytes.byteLength };
    return [name, { ...stored, value: { dtype: value.dtype, dims: value.dims, external } }];
  });
  const graph = { ...model.graph, initializers: new Map(initializers) };
  return { bytes: encodeModel({ ...model, graph }), externalData };
}

/** Makes a session on a decoded model, wherever that lies. */
export type ModelOpener = (model: Model, options?: SessionOptions) => Promise<Session>;

/** Opens a session on a decoded model, also where it is larger than one message may be, or its weights lie on a disk. */
export async function openModel(create: SessionFactory, model: Model, options: SessionOptions = {}): Promise<Session> {
  const scratch = shelfOf(model);
  if (scratch) return openShelved(create, model, options, scratch);
  const { bytes, externalData } = encodeApart(model);
  return create(bytes, externalData ? { ...options, externalData } : options);
}
