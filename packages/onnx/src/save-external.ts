/**
 * Moving large tensors into a file beside the model, so that a model may be larger than the 2 GiB that protobuf allows
 * (onnx.proto, TensorProto.external_data; ONNX docs/ExternalData.md).
 */
import { bit } from './codec/writer.js';
import { rawBytes, tensorBytes } from './datatypes.js';
import { OnnxError } from './errors.js';
import { externalLocations, staysInside } from './external.js';
import { isLazy } from './lazy.js';
import type { ExternalLocation, Model, StoredTensor } from './ir.js';
import { mapStored, type StoredRole } from './stored.js';
import type { Tensor } from './tensor.js';

export interface SaveExternalOptions {
  /** The file that takes the tensors, relative to the model and inside its folder, say 'model.onnx.data'. */
  location: string;
  /** Tensors of at least so many bytes move. 4096 when absent: below that, padding would outweigh them. */
  threshold?: number;
  /**
   * Offsets are multiples of it. 4096 when absent, the page size that lets engines map the file; 65536 for those on
   * Windows (docs/ExternalData.md).
   */
  alignment?: number;
  /**
   * Whether tensors of attributes (Constant nodes), of graphs inside the graph and of functions move too. Not when
   * absent: ONNX Runtime takes those from a real file only, not from memory, and other engines not at all.
   */
  everywhere?: boolean;
  /** Most bytes handed out at once. 64 MiB when absent. */
  chunk?: number;
}

/** A piece of the file; pieces come in order and without gaps. `bytes` is a view of a tensor or padding: do not keep it. */
export interface ExternalChunk {
  offset: number;
  bytes: Uint8Array;
}

interface Placed {
  offset: number;
  tensor: Tensor;
}

/** Gives each moved tensor its place; tensors that share memory share a place. */
class Layout {
  readonly placed: Placed[] = [];
  private end = 0;
  private readonly known = new Map<object, Map<string, number>>();

  constructor(private readonly alignment: number) {}

  place(tensor: Tensor): number {
    const length = tensorBytes(tensor);
    const lazy = isLazy(tensor);
    const bytes = lazy ? undefined : rawBytes(tensor);
    const key = `${bytes?.byteOffset ?? 0} ${length}`;
    const owner = bytes?.buffer ?? tensor;
    const inBuffer = this.known.get(owner) ?? new Map<string, number>();
    this.known.set(owner, inBuffer);
    const before = inBuffer.get(key);
    if (before !== undefined) return before;
    const offset = Math.ceil(this.end / this.alignment) * this.alignment;
    inBuffer.set(key, offset);
    this.placed.push({ offset, tensor });
    this.end = offset + length;
    return offset;
  }
}

function positive(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new OnnxError('build', `${name} ${value} is not a positive size`);
  return value;
}

/** The file in chunks, padding between the tensors included. Nothing is copied. */
function* chunks(placed: readonly Placed[], alignment: number, most: number): Generator<ExternalChunk> {
  const zeros = new Uint8Array(Math.min(alignment, most));
  let at = 0;
  for (const { offset, tensor } of placed) {
    while (at < offset) {
      const gap = zeros.subarray(0, Math.min(zeros.length, offset - at));
      yield { offset: at, bytes: gap };
      at += gap.length;
    }
    const bytes = rawBytes(tensor);
    for (let from = 0; from < bytes.byteLength; from += most) {
      yield { offset: offset + from, bytes: bytes.subarray(from, from + most) };
    }
    at = offset + bytes.byteLength;
  }
}

/** The tensor with its elements elsewhere. How they were stored, and that they were stored here, no longer counts. */
function refer(tensor: StoredTensor, { dtype, dims }: Tensor, external: ExternalLocation): StoredTensor {
  const moved: StoredTensor = { ...tensor, value: { dtype, dims, external } };
  delete moved.encoding;
  const stated = (tensor.stated ?? 0) & ~bit(14);
  if (stated === 0) delete moved.stated;
  else moved.stated = stated;
  return moved;
}

/**
 * Moves the initializers of a model's graph that are large into one file beside it. Strings, sparse tensors, segments and tensors that are external already stay as they are. Nothing is copied: the file is handed out in
 * views of the tensors.
 * @param write takes the pieces of the file one after the other; the next is made when it has resolved
 * @returns the model that refers to the file; encode it with `encodeModel`
 * @throws OnnxError `tensor-data` when the location lies outside of the model's folder or holds other tensors of the
 * model, `build` for sizes that are not positive
 */
export async function saveExternalData(
  model: Model,
  options: SaveExternalOptions,
  write: (chunk: ExternalChunk) => void | Promise<void>,
): Promise<Model> {
  const { location } = options;
  const threshold = positive('threshold', options.threshold ?? 4096);
  const alignment = positive('alignment', options.alignment ?? 4096);
  const most = positive('chunk', options.chunk ?? 2 ** 26);
  if (!staysInside(location)) {
    throw new OnnxError('tensor-data', `${JSON.stringify(location)} lies outside of the model's folder`);
  }
  if (externalLocations(model).includes(location)) {
    throw new OnnxError('tensor-data', `${JSON.stringify(location)} already holds tensors of the model`);
  }
  const layout = new Layout(alignment);
  const move = (tensor: StoredTensor, role: StoredRole): StoredTensor => {
    const { value } = tensor;
    if (role === 'sparse' || (role !== 'initializer' && !options.everywhere)) return tensor;
    if ('external' in value || value.dtype === 'string' || tensor.segment || tensorBytes(value) < threshold)
      return tensor;
    return refer(tensor, value, { location, offset: layout.place(value), length: tensorBytes(value) });
  };
  const moved = mapStored(model, move);
  for (const chunk of chunks(layout.placed, alignment, most)) await write(chunk);
  return moved;
}
