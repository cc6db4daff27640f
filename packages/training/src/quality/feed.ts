/** Samples as what a model takes in: a tensor for each input, numbers that are the same for all, or columns for several inputs. */
import type { Samples } from '@verge/data';
import { type FedInput, type FeedOptions, float16Bits, type OutputPort as Port, type Tensor } from '@verge/onnx';
import { TrainingError } from '../errors.js';

export interface FeedingOptions {
  /** Inputs that are the same for every sample: each element is this number. */
  fixedInputs?: Readonly<Record<string, number>>;
  /** Sizes of dimensions that the model names and leaves open, for the inputs of one number. */
  dims?: Readonly<Record<string, number>>;
}

/** How samples of one kind go into a model. */
export interface Feeding {
  /** The input that the samples' x goes to. */
  readonly main: Port;
  /** @param batch of `rows` samples */
  feeds(batch: Samples, rows: number): Record<string, Tensor>;
}

/**
 * What a benchmark has to know of a model's inputs: one row of the samples for each, or as many as the model insists on, so that open
 * sizes are what they will be.
 */
export function sizesOf(
  { shape: own, inputs = {} }: Pick<Samples, 'shape' | 'inputs'>,
  { fixedInputs = {}, dims }: FeedingOptions,
): (ports: readonly FedInput[]) => Promise<FeedOptions> {
  return (ports) => {
    const left = ports.filter(({ name }) => !Object.hasOwn(inputs, name) && !Object.hasOwn(fixedInputs, name));
    const [main] = left;
    // Columns that several inputs share have sizes of their own, and a shape that the samples do not have is the model's.
    const single = main && left.length === 1 && (main.shape === null || main.shape.length === own.length + 1);
    const known = [...Object.entries(inputs), ...(single ? [[main.name, { shape: own }] as const] : [])];
    const shapes = known.map(([name, { shape }]) => {
      const rows = ports.find((port) => port.name === name)?.shape?.[0];
      return [name, [typeof rows === 'number' ? rows : 1, ...shape]] as const;
    });
    return Promise.resolve({
      ...(shapes.length > 0 && { shapes: Object.fromEntries(shapes) }),
      ...(Object.keys(fixedInputs).length > 0 && { fill: fixedInputs }),
      ...(dims && { dims }),
    });
  };
}

const show = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** Whole numbers of these types are exact, or the sample is refused. */
const wholes: Readonly<Record<string, readonly [low: number, high: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Types of an input that samples are turned into. */
const readable: readonly string[] = ['float32', 'float64', 'float16', 'bool', ...Object.keys(wholes)];

function typeProblem(input: Port): string[] {
  return readable.includes(input.dtype)
    ? []
    : [`input '${input.name}' is ${input.dtype}, expected ${readable.join(', ')}`];
}

function shapeProblem(input: Port, shape: readonly number[]): string[] {
  const wanted = input.shape.slice(1);
  const fits = wanted.length === shape.length && wanted.every((d, i) => typeof d === 'string' || d === shape[i]);
  // No shape at all is one that the file does not say.
  if (fits || input.shape.length === 0) return [];
  return [`input '${input.name}' reads samples of ${show(wanted)}, the data has ${show(shape)}`];
}

const wholeArrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
} as const;

/** @throws TrainingError `bad-samples` for a number that an input of whole numbers does not hold */
function tensorOf({ name, dtype }: Pick<Port, 'name' | 'dtype'>, dims: number[], x: Samples['x']): Tensor {
  const range = Object.hasOwn(wholes, dtype) ? wholes[dtype] : undefined;
  if (range) {
    const values = x as ArrayLike<number>;
    for (let i = 0; i < values.length; i++) {
      const v = values[i]!;
      if (!Number.isInteger(v) || v < range[0] || v > range[1])
        throw new TrainingError('bad-samples', `input '${name}' is ${dtype}, the samples are not: they hold ${v}`);
    }
    if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from(values, (v) => BigInt(v)) };
    if (dtype === 'uint64') return { dtype, dims, data: BigUint64Array.from(values, (v) => BigInt(v)) };
    const type = dtype as keyof typeof wholeArrays;
    return { dtype: type, dims, data: x instanceof wholeArrays[type] ? x : wholeArrays[type].from(x) } as Tensor;
  }
  if (dtype === 'bool') return { dtype, dims, data: Uint8Array.from(x, (v) => (v === 0 ? 0 : 1)) };
  if (dtype === 'float16') return { dtype, dims, data: Uint16Array.from(x, float16Bits) };
  if (dtype === 'float64') return { dtype, dims, data: Float64Array.from(x) };
  return { dtype: 'float32', dims, data: x instanceof Float32Array ? x : Float32Array.from(x) };
}

/** Columns that each input takes, where every one is [N, columns] and together they take all; null otherwise. */
function columnsOf(inputs: readonly Port[], samples: Samples): number[] | null {
  const [features] = samples.shape;
  const widths = inputs.map(({ shape }) => (shape.length === 2 && typeof shape[1] === 'number' ? shape[1] : NaN));
  const all = widths.reduce((sum, width) => sum + width, 0);
  return samples.shape.length === 1 && all === features ? widths : null;
}

/** Each input gets some columns of the samples. */
function columnFeeds(
  inputs: readonly Port[],
  widths: readonly number[],
  batch: Samples,
  rows: number,
): Record<string, Tensor> {
  const features = batch.shape[0] ?? 0;
  let from = 0;
  return Object.fromEntries(
    inputs.map(({ name, dtype }, i) => {
      const [first, width] = [from, widths[i] ?? 0];
      from += width;
      const part = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++)
        for (let c = 0; c < width; c++) part[row * width + c] = batch.x[row * features + first + c] as number;
      return [name, tensorOf({ name, dtype }, [rows, width], part)];
    }),
  );
}

/** An input of one number: its sizes, with null for that of the batch; a text says what is wrong. */
function fixedSizes(
  port: Port,
  value: number,
  main: Port,
  dims: FeedingOptions['dims'] = {},
): (number | null)[] | string {
  const whole = !['float32', 'float64', 'float16'].includes(port.dtype);
  if (!readable.includes(port.dtype) || (whole && !Number.isInteger(value)))
    return `input '${port.name}' is ${port.dtype}, which does not hold ${value}`;
  const sizes = port.shape.map((d) => (typeof d === 'number' && d >= 0 ? d : d === '' ? undefined : dims[d]));
  const batch = main.shape[0];
  const known = sizes.map((d, i) => d ?? (typeof batch === 'string' && port.shape[i] === batch ? null : undefined));
  const open = port.shape.filter((_, i) => known[i] === undefined);
  return open.length === 0
    ? (known as (number | null)[])
    : `input '${port.name}' ${show(port.shape)} leaves ${open.join(', ')} open; say how large`;
}

/**
 * @throws TrainingError `bad-samples` when samples and inputs do not fit; all misfits at once
 */
export function feedingOf(inputs: readonly Port[], samples: Samples, options: FeedingOptions = {}): Feeding {
  const { fixedInputs = {}, dims } = options;
  const { inputs: others = {} } = samples;
  const problems: string[] = samples.y.length === 0 ? ['there are no samples'] : [];
  const unknown = [...Object.keys(fixedInputs), ...Object.keys(others)].filter(
    (n) => !inputs.some((i) => i.name === n),
  );
  for (const name of unknown) problems.push(`the model has no input '${name}'`);
  const own = inputs.filter((i) => !Object.hasOwn(fixedInputs, i.name) && !Object.hasOwn(others, i.name));
  const [main] = own;
  const widths = own.length > 1 ? columnsOf(own, samples) : null;
  if (!main || (own.length > 1 && !widths)) {
    const list = own.map((i) => `'${i.name}' ${show(i.shape)}`).join(', ');
    problems.push(
      `the model has ${own.length} inputs${main ? ` (${list})` : ''} for the samples, expected one, or columns of samples of ${show(samples.shape)}`,
    );
  }
  for (const port of own) problems.push(...typeProblem(port));
  if (main && own.length === 1) problems.push(...shapeProblem(main, samples.shape));
  const further = inputs.filter((i) => Object.hasOwn(others, i.name));
  for (const port of further) {
    const { shape } = others[port.name]!;
    problems.push(...typeProblem(port), ...shapeProblem(port, shape));
  }
  const fixed = inputs.flatMap((port): { port: Port; value: number; sizes: (number | null)[] }[] => {
    const value = fixedInputs[port.name];
    if (value === undefined || !main) return [];
    const sizes = fixedSizes(port, value, main, dims);
    if (typeof sizes !== 'string') return [{ port, value, sizes }];
    problems.push(sizes);
    return [];
  });
  if (problems.length > 0 || !main) throw new TrainingError('bad-samples', problems.join('; '), { problems });
  return {
    main,
    feeds: (batch, rows) => ({
      ...(widths
        ? columnFeeds(own, widths, batch, rows)
        : { [main.name]: tensorOf(main, [rows, ...batch.shape], batch.x) }),
      ...Object.fromEntries(
        further.map(({ name, dtype }) => {
          const { values, shape } = batch.inputs![name]!;
          return [name, tensorOf({ name, dtype }, [rows, ...shape], values)];
        }),
      ),
      ...Object.fromEntries(
        fixed.map(({ port, value, sizes }) => {
          const shape = sizes.map((d) => d ?? rows);
          const all = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
          return [port.name, tensorOf(port, shape, all)];
        }),
      ),
    }),
  };
}
