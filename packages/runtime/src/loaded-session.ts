import type { EdgeChange, Session, SessionOptions, Tensor } from '@verge/onnx';
import type { InferenceSession } from 'onnxruntime-node';
import { fromOrt, toOrt } from './convert.js';
import { RuntimeError, messageOf } from './errors.js';
import { checkFeeds, checkInto, checkOutputs } from './feeds.js';
import { HALT, refusalOfHalt, withHalt } from './in-place.js';
import type { ModelSource } from './model-source.js';
import { loadOrt, type Ort } from './ort.js';

/** An input or output of a loaded model: symbolic dimensions keep their name, `dtype` is ONNX Runtime's word. */
export interface Port {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** A session on ONNX Runtime, with the types of its inputs and outputs. */
export interface OrtSession extends Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** What was changed at the model's edges so that its inputs and outputs can be handed over; mostly nothing. */
  readonly changes: readonly EdgeChange[];
}

function ports(metadata: readonly InferenceSession.ValueMetadata[]): Port[] {
  return metadata.map((m) =>
    m.isTensor ? { name: m.name, dtype: m.type, shape: m.shape } : { name: m.name, dtype: 'not-a-tensor', shape: [] },
  );
}

/** Memory for an output of known size; undefined where its size is open, or its type has no array of numbers. */
function placeFor({ dtype, shape }: Port): Tensor | undefined {
  const Kind = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array }[dtype];
  if (!Kind || shape.some((d) => typeof d !== 'number')) return undefined;
  const dims = shape as readonly number[];
  return { dtype, dims: [...dims], data: new Kind(dims.reduce((a, b) => a * b, 1)) } as Tensor;
}

class LoadedSession implements OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly changes: readonly EdgeChange[] = [];
  #ort: Ort;
  #session: InferenceSession | undefined;
  readonly #refusal: string | undefined;

  /** @param refusal what the binding says when all places are written, for a model with `HALT` */
  constructor(ort: Ort, session: InferenceSession, refusal?: string) {
    this.#ort = ort;
    this.#session = session;
    this.#refusal = refusal;
    this.inputs = ports(session.inputMetadata);
    this.outputs = ports(session.outputMetadata).filter(({ name }) => name !== HALT);
    this.inputNames = session.inputNames;
    this.outputNames = this.outputs.map(({ name }) => name);
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    outputs?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>> {
    const session = this.#session;
    if (!session) throw new RuntimeError('closed', 'the session was released');
    checkFeeds(this.inputs, feeds);
    checkOutputs(this.outputNames, outputs);
    const wanted = outputs ?? this.outputNames;
    if (into) checkInto(this.outputs, wanted, into);
    const ortFeeds: Record<string, InferenceSession.OnnxValueMapType[string]> = {};
    for (const name of this.inputNames) ortFeeds[name] = toOrt(this.#ort, name, feeds[name] as Tensor);
    const places = into && this.#refusal !== undefined ? this.#allPlaces(wanted, into) : undefined;
    let results: InferenceSession.OnnxValueMapType;
    try {
      const fetches = into ? this.#fetches(wanted, places ?? into) : wanted;
      results = await session.run(ortFeeds, places ? { [HALT]: null, ...fetches } : fetches);
    } catch (cause) {
      if (places && messageOf(cause) === this.#refusal) return places;
      throw new RuntimeError('run-failed', messageOf(cause), { cause });
    }
    const out: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(results)) {
      if (!(value instanceof this.#ort.Tensor)) {
        throw new RuntimeError('unsupported-type', `output '${name}' is not a tensor`);
      }
      const place = into?.[name];
      if (place) {
        out[name] = place;
        continue;
      }
      out[name] = fromOrt(name, value);
    }
    return out;
  }

  /** The places that were given, and others for what else is wanted; undefined where one cannot be made beforehand. */
  #allPlaces(wanted: readonly string[], into: Readonly<Record<string, Tensor>>): Record<string, Tensor> | undefined {
    const places: Record<string, Tensor> = {};
    for (const name of wanted) {
      const place = into[name] ?? placeFor(this.outputs.find((port) => port.name === name)!);
      if (!place) return undefined;
      places[name] = place;
    }
    return places;
  }

  /** Outputs with the memory that they go to; null where ONNX Runtime makes its own. */
  #fetches(
    wanted: readonly string[],
    into: Readonly<Record<string, Tensor>>,
  ): InferenceSession.NullableOnnxValueMapType {
    return Object.fromEntries(wanted.map((name) => [name, into[name] ? toOrt(this.#ort, name, into[name]) : null]));
  }

  async release(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }
}

/** Spinning threads would burn cores that other processes of a device need; at most 2.5x CPU for nothing was measured. */
function ortOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const threads = options.threads ?? 1;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RuntimeError('bad-setting', `threads must be a whole number from 1, not ${threads}`);
  }
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimization ?? 'all',
    enableMemPattern: options.planMemory ?? true,
    // Errors are thrown with the same words; a search for sizes would print every size that does not suit.
    logSeverityLevel: 4,
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        ...(options.quantizeAsWritten && { disable_quant_qdq: '1' }),
        ...(options.externalFolder !== undefined && {
          model_external_initializers_file_folder_path: options.externalFolder,
        }),
      },
    },
    ...(options.externalData && {
      externalData: [...options.externalData].map(([path, data]) => ({ path, data })),
    }),
  };
}

/**
 * Loads a model as it is, for a process that must not load the engine.
 * @throws RuntimeError `model-refused` when ONNX Runtime does not accept it, `bad-setting` for a bad option
 */
export async function openExactly(model: ModelSource, options: SessionOptions = {}): Promise<OrtSession> {
  const settings = ortOptions(options);
  const ort = await loadOrt();
  if (typeof model !== 'string' && model.byteLength === 0)
    throw new RuntimeError('model-refused', 'the model is empty');
  const refusal = options.fixedPlaces && typeof model !== 'string' ? await refusalOfHalt() : undefined;
  try {
    const { InferenceSession } = ort;
    const session = await (typeof model === 'string'
      ? InferenceSession.create(model, settings)
      : InferenceSession.create(refusal === undefined ? model : withHalt(model), settings));
    return new LoadedSession(ort, session, session.outputNames.includes(HALT) ? refusal : undefined);
  } catch (cause) {
    throw new RuntimeError('model-refused', messageOf(cause), { cause });
  }
}
