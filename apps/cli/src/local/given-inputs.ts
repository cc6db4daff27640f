/** `--input`: shapes and values of what a model is fed. */
import { readTypedArrays, type TypedArray } from '@verge/data';
import { bfloat16Bits, type DataType, type FedInput, type Tensor } from '@verge/onnx';
import { CliError } from '../errors.js';

export interface GivenInputs {
  /** Shapes by input. */
  readonly shapes: Record<string, readonly number[]>;
  /** Values by input. */
  readonly given: Record<string, Tensor>;
  /** What was done to a value so that it fits, for the report. */
  readonly notes: string[];
}

const SHAPE = /^[0-9]+(x[0-9]+)*$/;
const FILE = /\.np[yz]$/i;

interface Wanted {
  /** '' where the option names none. */
  readonly name: string;
  readonly value: string;
}

function wantedOf(text: string): Wanted {
  const bare = SHAPE.test(text) || (FILE.test(text) && !text.includes('='));
  const at = bare ? -1 : text.indexOf('=');
  const wanted = { name: text.slice(0, Math.max(0, at)), value: text.slice(at + 1) };
  if ((!bare && at < 1) || !(SHAPE.test(wanted.value) || FILE.test(wanted.value)))
    throw new CliError('usage', `--input expects name=1x3x224x224 or name=FILE, a .npy or .npz, not '${text}'`);
  return wanted;
}

const lengths: Partial<Record<DataType, (n: number) => Tensor['data']>> = {
  float32: (n) => new Float32Array(n),
  float64: (n) => new Float64Array(n),
  int8: (n) => new Int8Array(n),
  uint8: (n) => new Uint8Array(n),
  int16: (n) => new Int16Array(n),
  uint16: (n) => new Uint16Array(n),
  int32: (n) => new Int32Array(n),
  uint32: (n) => new Uint32Array(n),
};

/** The elements in the type of the input; null where some would become another number, other than by rounding floats. */
function converted(array: TypedArray, dtype: DataType): Tensor | null {
  const { dims, data } = array;
  if (array.dtype === dtype) return { dtype, dims, data } as Tensor;
  if (array.dtype === 'string' || array.dtype === 'float16' || dtype === 'string') return null;
  const values = data as ArrayLike<number | bigint>;
  const at = (i: number): number | bigint => values[i] as number | bigint;
  if (dtype === 'int64' || dtype === 'uint64') {
    const whole = Array.from(values, (v) => (typeof v === 'bigint' || Number.isSafeInteger(v) ? BigInt(v) : null));
    if (whole.includes(null) || (dtype === 'uint64' && whole.some((v) => v! < 0n))) return null;
    const out = dtype === 'int64' ? BigInt64Array.from(whole as bigint[]) : BigUint64Array.from(whole as bigint[]);
    return whole.every((v, i) => out[i] === v) ? ({ dtype, dims, data: out } as Tensor) : null;
  }
  if (dtype === 'bfloat16')
    return { dtype, dims, data: Uint16Array.from(values, (v: number | bigint) => bfloat16Bits(Number(v))) };
  const out = lengths[dtype]?.(values.length) as Float64Array | undefined;
  if (!out) return null;
  for (let i = 0; i < values.length; i++) out[i] = Number(at(i));
  const exact = dtype !== 'float32' && dtype !== 'float64';
  if (exact && out.some((v, i) => v !== Number(at(i)))) return null;
  return { dtype, dims, data: out } as unknown as Tensor;
}

/** Adds the value to what is given; what is wrong with it goes to `problems`. */
function give(input: FedInput, array: TypedArray, from: string, into: GivenInputs, problems: string[]): void {
  const tensor = input.dtype && converted(array, input.dtype);
  if (!tensor) problems.push(`'${from}' is ${array.dtype}, input '${input.name}' is ${input.dtype ?? 'no tensor'}`);
  else into.given[input.name] = tensor;
  if (tensor && tensor.dtype !== array.dtype)
    into.notes.push(`'${from}' is ${array.dtype} and was turned into ${tensor.dtype}`);
}

/**
 * @param texts as typed: `name=1x3x224x224`, `name=FILE`; without the name where there is one input, and `FILE.npz` whose
 *   arrays are named as inputs are
 * @throws CliError `usage` naming every one that fits no input; DataError for files
 */
export async function givenInputs(texts: readonly string[], inputs: readonly FedInput[]): Promise<GivenInputs> {
  const made: GivenInputs = { shapes: {}, given: {}, notes: [] };
  const problems: string[] = [];
  const [only] = inputs.length === 1 ? inputs : [];
  for (const { name, value } of texts.map(wantedOf)) {
    const input = name === '' ? only : inputs.find((i) => i.name === name);
    if (SHAPE.test(value)) {
      if (input) made.shapes[input.name] = value.split('x').map(Number);
      else problems.push(name === '' ? `which input is ${value}?` : `there is no input '${name}'`);
      continue;
    }
    const arrays = await readTypedArrays(value);
    const [one] = arrays.size === 1 ? arrays.values() : [];
    if (name === '' && arrays.size > 0 && [...arrays.keys()].every((key) => inputs.some((i) => i.name === key))) {
      for (const [key, array] of arrays)
        give(
          inputs.find((i) => i.name === key)!,
          array,
          `${value}:${key}`,
          made,
          problems,
        );
    } else if (input && (arrays.get(input.name) ?? one))
      give(input, arrays.get(input.name) ?? one!, value, made, problems);
    else if (name !== '' && !input) problems.push(`there is no input '${name}'`);
    else problems.push(`'${value}' holds ${[...arrays.keys()].join(', ')}; say which input it is for: name=FILE`);
  }
  if (problems.length === 0) return made;
  const names = inputs.map((i) => `'${i.name}'`).join(', ');
  throw new CliError('usage', '--input does not fit the model', [...problems, `the inputs are ${names || 'none'}`]);
}
