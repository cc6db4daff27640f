/**
 * Models whose weights lie on a disk. What works on a large model then holds what it changes: constants are read from a file, one by
 * one where they are needed, and sessions map them from there instead of holding copies. ONNX Runtime maps external data
 * (ONNX IR, "External Data") and lets go of a weight's pages once its kernel has packed it.
 */
import { encodeModel } from './codec/model.js';
import { rawBytes, tensorBytes, tensorOverBytes } from './datatypes.js';
import type { Graph, Model, StoredTensor } from './ir.js';
import { lazyTensor } from './lazy.js';
import type { ModelOpener } from './open-model.js';
import type { Scratch } from './scratch.js';
import type { Session, SessionFactory, SessionOptions } from './session.js';
import { storedBytes } from './stored.js';
import type { Tensor } from './tensor.js';

/** Tensors of fewer bytes stay in memory and in the message. */
const SMALL = 2 ** 16;
/** Offsets in a file are multiples of it, so that each tensor can be mapped (ONNX IR, "External Data"). */
const PAGE = 2 ** 12;

interface Place {
  readonly scratch: Scratch;
  readonly file: string;
  readonly offset: number;
}

/** Where tensors lie that are read from a disk. */
const places = new WeakMap<object, Place>();

type Held = Exclude<Tensor, { dtype: 'string' }>;

const isLarge = ({ value, segment }: StoredTensor): boolean =>
  'data' in value && value.dtype !== 'string' && !segment && tensorBytes(value) >= SMALL;

function placeIn(scratch: Scratch, value: object): Place | undefined {
  const place = places.get(value);
  return place?.scratch === scratch ? place : undefined;
}

/** The pieces of a file, one tensor behind the other, and where each begins. */
class Pieces {
  readonly offsets: number[] = [];
  #end = 0;

  constructor(private readonly tensors: readonly Held[]) {}

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const tensor of this.tensors) {
      const offset = Math.ceil(this.#end / PAGE) * PAGE;
      if (offset > this.#end) yield new Uint8Array(offset - this.#end);
      this.offsets.push(offset);
      this.#end = offset + tensorBytes(tensor);
      yield rawBytes(tensor);
    }
  }
}

/** Whether this model's weights are kept on the disk. */
export const belongsOnShelf = (scratch: Scratch | undefined, model: Model): scratch is Scratch =>
  scratch !== undefined && storedBytes(model) >= scratch.least;

/** The disk that some of a model's weights lie on already. */
export function shelfOf({ graph }: Model): Scratch | undefined {
  for (const { value } of graph.initializers.values()) {
    const place = places.get(value);
    if (place) return place.scratch;
  }
  return undefined;
}

function withInitializers(model: Model, change: (stored: StoredTensor) => StoredTensor): Model {
  const graph: Graph = {
    ...model.graph,
    initializers: new Map([...model.graph.initializers].map(([name, stored]) => [name, change(stored)])),
  };
  return { ...model, graph };
}

/** Tensors by the memory that they have: those that share all of it are one. */
function sameMemory(): (value: Held) => Held {
  const found = new Map<object, Map<number, Held>>();
  return (value) => {
    const { buffer, byteOffset } = value.data;
    const inBuffer = found.get(buffer) ?? new Map<number, Held>();
    found.set(buffer, inBuffer);
    const before = inBuffer.get(byteOffset);
    if (!before) inBuffer.set(byteOffset, value);
    return before && tensorBytes(before) === tensorBytes(value) ? before : value;
  };
}

function readFrom({ dtype, dims }: Held, length: number, place: Place): Tensor {
  const tensor = lazyTensor(dtype, dims, () => {
    const bytes = place.scratch.read(place.file, place.offset, length);
    return (tensorOverBytes(dtype, dims, bytes) as Held).data;
  });
  places.set(tensor, place);
  return tensor;
}

/**
 * Writes the large initializers of models into one file, those that share memory once. The models that are given still hold theirs.
 * @returns the same models with constants that are read when they are asked for
 */
export function shelve(models: readonly Model[], scratch: Scratch): Model[] {
  const first = sameMemory();
  const isNew = (stored: StoredTensor): boolean => isLarge(stored) && !placeIn(scratch, stored.value);
  const wanted = models.flatMap(({ graph }) => [...graph.initializers.values()].filter(isNew));
  const tensors = [...new Set(wanted.map(({ value }) => first(value as Held)))];
  if (tensors.length === 0) return [...models];
  const pieces = new Pieces(tensors);
  const file = scratch.write(pieces);
  const written = new Map(tensors.map((tensor, i) => [tensor, { scratch, file, offset: pieces.offsets[i]! }]));
  const lazy = (stored: StoredTensor): StoredTensor => {
    if (!isNew(stored)) return stored;
    const value = stored.value as Held;
    return { ...stored, value: readFrom(value, tensorBytes(value), written.get(first(value))!) };
  };
  return models.map((model) => withInitializers(model, lazy));
}

interface OnDisk {
  /** The message, in which large initializers are external data in the scratch's folder. */
  readonly message: Uint8Array;
  /** The file of those that lay in memory until now. */
  readonly file: string | undefined;
}

/** A model as a session maps it; what is in memory of its large initializers is written to a file that goes with the session. */
async function toDisk(model: Model, scratch: Scratch): Promise<OnDisk> {
  const fresh = [...model.graph.initializers.values()].filter((s) => isLarge(s) && !placeIn(scratch, s.value));
  const tensors = [...new Set(fresh.map(({ value }) => value as Held))];
  const pieces = new Pieces(tensors);
  const file = tensors.length > 0 ? await scratch.writeInTurns(pieces) : undefined;
  const own = new Map<object, Place>(
    tensors.map((tensor, i) => [tensor, { scratch, file: file!, offset: pieces.offsets[i]! }]),
  );
  const apart = (stored: StoredTensor): StoredTensor => {
    const { value } = stored;
    const place = placeIn(scratch, value) ?? own.get(value);
    if (!place) return stored;
    const { dtype, dims } = value;
    const external = { location: place.file, offset: place.offset, length: tensorBytes(value as Held) };
    const { encoding: _encoding, stated: _stated, ...rest } = stored;
    return { ...rest, value: { dtype, dims, external } };
  };
  return { message: encodeModel(withInitializers(model, apart)), file };
}

/** Opens a session that maps the model's large initializers from the disk. */
export async function openShelved(
  create: SessionFactory,
  model: Model,
  options: SessionOptions,
  scratch: Scratch,
): Promise<Session> {
  const { message, file } = await toDisk(model, scratch);
  // In a turn of its own: then no caller on the stack holds what the model was made of.
  await new Promise(setImmediate);
  scratch.collect();
  const remove = (): void => {
    if (file !== undefined) scratch.remove(file);
  };
  try {
    const session = await create(message, { ...options, externalFolder: scratch.folder });
    return closing(session, remove);
  } catch (error) {
    remove();
    throw error;
  }
}

/** Opens sessions that map their models' large initializers from the disk. */
export const shelfOpener =
  (create: SessionFactory, scratch: Scratch): ModelOpener =>
  (model, options = {}) =>
    openShelved(create, model, options, scratch);

/**
 * Writes the message of a model whose weights lie on the disk beside them, so that it can be run from its path.
 * @param model all of its large initializers as `shelve` left them
 * @returns the name of the file in the scratch's folder
 */
export async function shelveMessage(model: Model, scratch: Scratch): Promise<string> {
  return scratch.write([(await toDisk(model, scratch)).message]);
}

/** A session that does something more when it ends. */
function closing(session: Session, end: () => void): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds, outputs, into) => session.run(feeds, outputs, into),
    release: async () => {
      await session.release();
      end();
    },
  };
}
