/** Samples as what a model is fed, a few rows at a time. */
import { rowsAt, type Samples } from '@verge/data';
import { float32, type Model, type Tensor, type ValueType, valueTypes } from '@verge/onnx';
import { CompressionError } from '../errors.js';

/** @throws CompressionError `bad-samples` for an input of a type that samples do not have, or fractions in one of whole numbers */
function tensorOf(name: string, dtype: string | undefined, dims: readonly number[], values: Samples['x']): Tensor {
  const fraction = dtype === 'float32' ? undefined : values.find((v) => !Number.isInteger(v));
  if (fraction !== undefined)
    throw new CompressionError(
      'bad-samples',
      `the input '${name}' is ${dtype ?? 'of no known type'}, the samples hold ${fraction}`,
    );
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from(values as ArrayLike<number>, (v) => BigInt(v)) };
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(values) };
  if (dtype === 'bool') return { dtype, dims, data: Uint8Array.from(values, (v) => (v === 0 ? 0 : 1)) };
  if (dtype === 'float32') return float32(dims, values instanceof Float32Array ? values : Float32Array.from(values));
  throw new CompressionError(
    'bad-samples',
    `the input '${name}' is ${dtype ?? 'of no known type'}, not float32, int64, int32 or bool`,
  );
}

interface Part {
  name: string;
  values: Samples['x'];
  shape: readonly number[];
}

/**
 * Each input with what the samples hold for it: of further ones what bears its name, of the other one x.
 * @throws CompressionError `bad-samples` naming every input that the samples have nothing for
 */
function partsOf(model: Model, samples: Samples): Part[] {
  const { x, shape, inputs = {} } = samples;
  const names = model.graph.inputs.map((i) => i.name).filter((name) => !model.graph.initializers.has(name));
  const others = names.filter((name) => !Object.hasOwn(inputs, name));
  if (others.length > 1)
    throw new CompressionError('bad-samples', `the samples hold one tensor for the inputs '${others.join("', '")}'`);
  return names.map((name) => ({ name, ...(Object.hasOwn(inputs, name) ? inputs[name]! : { values: x, shape }) }));
}

/** The rows that a model is fed. */
export class Feeds {
  readonly count: number;
  /** The batch size that the model fixes, or null where it leaves it open. */
  readonly fixedRows: number | null;
  readonly #parts: readonly Part[];
  readonly #types: ReadonlyMap<string, string | undefined>;
  readonly #all: number;
  readonly #alternate: boolean;

  /**
   * @param model bound to the samples
   * @param most that are fed, spread evenly over those there are, which are not copied for it
   * @param alternate whether every second of them is fed first, and the others after, so that both halves are alike
   * @throws CompressionError `bad-samples` when the samples lack an input or fill no batch
   */
  constructor(model: Model, samples: Samples, most = samples.y.length, alternate = false) {
    this.#all = samples.y.length;
    this.#alternate = alternate;
    this.count = Math.min(most, this.#all);
    this.#parts = partsOf(model, samples);
    const types = valueTypes(model.graph);
    const typeOf = (name: string): (ValueType & { kind: 'tensor' }) | undefined => {
      const type = types.get(name);
      return type?.kind === 'tensor' ? type : undefined;
    };
    this.#types = new Map(this.#parts.map(({ name }) => [name, typeOf(name)?.dtype ?? undefined]));
    const fixed = this.#parts.map(({ name }) => typeOf(name)?.shape?.[0]).find((d) => typeof d === 'number');
    this.fixedRows = fixed === undefined ? null : (fixed as number);
    if (this.count < (this.fixedRows ?? 1))
      throw new CompressionError('bad-samples', `${this.count} calibration samples fill no batch of the model`);
  }

  /** Samples that fill no batch of the fixed size and are never fed. */
  get leftOut(): number {
    return this.fixedRows === null ? 0 : this.count % this.fixedRows;
  }

  /** @throws CompressionError `bad-samples` */
  rows(from: number, rows: number): Record<string, Tensor> {
    const places = Array.from({ length: rows }, (_, i) => Math.floor((this.#turn(from + i) * this.#all) / this.count));
    const together = rows === 1 || (this.count === this.#all && !this.#alternate);
    const tensors = this.#parts.map(({ name, values, shape }): [string, Tensor] => {
      const size = shape.reduce((a, b) => a * b, 1);
      const [first] = places as [number];
      const own = together ? values.subarray(first * size, (first + rows) * size) : rowsAt(values, size, places);
      return [name, tensorOf(name, this.#types.get(name), [rows, ...shape], own)];
    });
    return Object.fromEntries(tensors);
  }

  /** Which of the samples that are fed has its turn. */
  #turn(at: number): number {
    if (!this.#alternate) return at;
    const even = Math.ceil(this.count / 2);
    return at < even ? 2 * at : 2 * (at - even) + 1;
  }
}
