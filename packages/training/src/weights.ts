/**
 * The weights of a run on a disk. What a run of a large model holds is then what changes: constants are read from a file, in
 * pieces where they are needed, and sessions map them from there instead of holding copies. ONNX Runtime maps external data
 * (ONNX IR, "External Data") and lets go of a weight's pages once its kernel has packed it.
 */
import {
  encodeModel,
  lazyTensor,
  rawBytes,
  storedBytes,
  tensorBytes,
  tensorOverBytes,
  type Graph,
  type Model,
  type ModelOpener,
  type Scratch,
  type Session,
  type SessionFactory,
  type StoredTensor,
  type Tensor,
} from '@verge/onnx';

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

/** Whether a run of this model keeps its weights on the disk. */
export const belongsOnDisk = (scratch: Scratch | undefined, model: Model): scratch is Scratch =>
  scratch !== undefined && storedBytes(model) >= scratch.least;

export class Weights {
  constructor(
    private readonly scratch: Scratch,
    private readonly createSession: SessionFactory,
  ) {}

  /**
   * Writes the large initializers of models into one file, those that share memory once. The models that are given
   * still hold theirs.
   * @returns the same models with constants that are read when they are asked for
   */
  shelve(models: readonly Model[]): Model[] {
    const found = new Map<object, Map<number, Held>>();
    const first = (value: Held): Held => {
      const { buffer, byteOffset } = value.data;
      const inBuffer = found.get(buffer) ?? new Map<number, Held>();
      found.set(buffer, inBuffer);
      const before = inBuffer.get(byteOffset);
      const same = before && tensorBytes(before) === tensorBytes(value) ? before : value;
      if (!before) inBuffer.set(byteOffset, value);
      return same;
    };
    const wanted = models.flatMap(({ graph }) =>
      [...graph.initializers.values()].filter((s) => isLarge(s) && !this.#placeOf(s.value)),
    );
    const tensors = [...new Set(wanted.map(({ value }) => first(value as Held)))];
    const pieces = new Pieces(tensors);
    const file = this.scratch.write(pieces);
    const { scratch } = this;
    const written = new Map(tensors.map((tensor, i) => [tensor, { scratch, file, offset: pieces.offsets[i]! }]));
    const lazy = (stored: StoredTensor): StoredTensor => {
      if (!isLarge(stored) || this.#placeOf(stored.value)) return stored;
      return {
        ...stored,
        value: this.#read(
          stored.value as Held,
          tensorBytes(stored.value as Held),
          written.get(first(stored.value as Held))!,
        ),
      };
    };
    return models.map((model) => withInitializers(model, lazy));
  }

  #placeOf(value: object): Place | undefined {
    const place = places.get(value);
    return place?.scratch === this.scratch ? place : undefined;
  }

  #read({ dtype, dims }: Held, length: number, place: Place): Tensor {
    const { scratch } = this;
    const tensor = lazyTensor(dtype, dims, () => {
      const bytes = scratch.read(place.file, place.offset, length);
      return (tensorOverBytes(dtype, dims, bytes) as Held).data;
    });
    places.set(tensor, place);
    return tensor;
  }

  /** Opens a session that maps the model's large initializers; those that are in memory are written to a file that goes with it. */
  readonly open: ModelOpener = async (model, options = {}): Promise<Session> => {
    const { scratch } = this;
    const fresh = [...model.graph.initializers.values()].filter((s) => isLarge(s) && !this.#placeOf(s.value));
    const tensors = [...new Set(fresh.map(({ value }) => value as Held))];
    const pieces = new Pieces(tensors);
    const file = tensors.length > 0 ? scratch.write(pieces) : undefined;
    const own = new Map<object, Place>(
      tensors.map((tensor, i) => [tensor, { scratch, file: file!, offset: pieces.offsets[i]! }]),
    );
    const apart = (stored: StoredTensor): StoredTensor => {
      const { value } = stored;
      const place = this.#placeOf(value) ?? own.get(value);
      if (!place) return stored;
      const { dtype, dims } = value;
      const external = { location: place.file, offset: place.offset, length: tensorBytes(value as Held) };
      const { encoding: _encoding, stated: _stated, ...rest } = stored;
      return { ...rest, value: { dtype, dims, external } };
    };
    const bytes = encodeModel(withInitializers(model, apart));
    scratch.collect();
    const remove = (): void => {
      if (file !== undefined) scratch.remove(file);
    };
    try {
      const session = await this.createSession(bytes, { ...options, externalFolder: scratch.folder });
      return closing(session, remove);
    } catch (error) {
      remove();
      throw error;
    }
  };
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

function withInitializers(model: Model, change: (stored: StoredTensor) => StoredTensor): Model {
  const graph: Graph = {
    ...model.graph,
    initializers: new Map([...model.graph.initializers].map(([name, stored]) => [name, change(stored)])),
  };
  return { ...model, graph };
}
