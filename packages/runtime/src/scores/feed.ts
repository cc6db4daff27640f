/** Samples as what a model takes in: a tensor for each input, numbers that are the same for all, or columns for several inputs. */
import type { Samples } from '@verge/data';
import type { FedInput, FeedOptions, Tensor } from '@verge/onnx';
import { RuntimeError } from '../errors.js';
import type { Port } from '../loaded-session.js';

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

/** What a benchmark has to know of a model's further inputs: one row for each, or as many as the model insists on. */
export function sizesOf(
  { inputs = {} }: Pick<Samples, 'inputs'>,
  { fixedInputs, dims }: FeedingOptions,
): (ports: readonly FedInput[]) => Promise<FeedOptions> {
  return (ports) => {
    const shapes = Object.entries(inputs).map(([name, { shape }]) => {
      const rows = ports.find((port) => port.name === name)?.shape?.[0];
      return [name, [typeof rows === 'number' ? rows : 1, ...shape]] as const;
    });
    return Promise.resolve({
      ...(shapes.length > 0 && { shapes: Object.fromEntries(shapes) }),
      ...(fixedInputs && { fill: fixedInputs }),
      ...(dims && { dims }),
    });
  };
}

const show = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** Types of an input that samples are turned into; whole numbers (token ids) lose no digits. */
const readable: readonly string[] = ['float32', 'float64', 'uint8', 'int32', 'int64', 'bool'];

function typeProblem(input: Port, values: Samples['x']): string[] {
  if (!readable.includes(input.dtype))
    return [`input '${input.name}' is ${input.dtype}, expected ${readable.join(', ')}`];
  if (input.dtype === 'uint8' && values instanceof Float32Array)
    return [`input '${input.name}' is uint8, the samples are float32`];
  return [];
}

function shapeProblem(input: Port, shape: readonly number[]): string[] {
  const wanted = input.shape.slice(1);
  const fits = wanted.length === shape.length && wanted.every((d, i) => typeof d === 'string' || d === shape[i]);
  // No shape at all is one that the file does not say.
  if (fits || input.shape.length === 0) return [];
  return [`input '${input.name}' reads samples of ${show(wanted)}, the data has ${show(shape)}`];
}

function tensorOf(dtype: string, dims: number[], x: Samples['x']): Tensor {
  if (dtype === 'uint8' && x instanceof Uint8Array) return { dtype, dims, data: x };
  if (dtype === 'bool') return { dtype, dims, data: Uint8Array.from(x, (v) => (v === 0 ? 0 : 1)) };
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(x) };
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from(x as ArrayLike<number>, (v) => BigInt(Math.trunc(v))) };
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
      return [name, tensorOf(dtype, [rows, width], dtype === 'uint8' ? Uint8Array.from(part) : part)];
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
  const whole = port.dtype !== 'float32' && port.dtype !== 'float64';
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
 * @throws RuntimeError `bad-samples` when samples and inputs do not fit; all misfits at once
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
  for (const port of own) problems.push(...typeProblem(port, samples.x));
  if (main && own.length === 1) problems.push(...shapeProblem(main, samples.shape));
  const further = inputs.filter((i) => Object.hasOwn(others, i.name));
  for (const port of further) {
    const { values, shape } = others[port.name]!;
    problems.push(...typeProblem(port, values), ...shapeProblem(port, shape));
  }
  const fixed = inputs.flatMap((port): { port: Port; value: number; sizes: (number | null)[] }[] => {
    const value = fixedInputs[port.name];
    if (value === undefined || !main) return [];
    const sizes = fixedSizes(port, value, main, dims);
    if (typeof sizes !== 'string') return [{ port, value, sizes }];
    problems.push(sizes);
    return [];
  });
  if (problems.length > 0 || !main) throw new RuntimeError('bad-samples', problems.join('; '), { problems });
  return {
    main,
    feeds: (batch, rows) => ({
      ...(widths
        ? columnFeeds(own, widths, batch, rows)
        : { [main.name]: tensorOf(main.dtype, [rows, ...batch.shape], batch.x) }),
      ...Object.fromEntries(
        further.map(({ name, dtype }) => {
          const { values, shape } = batch.inputs![name]!;
          return [name, tensorOf(dtype, [rows, ...shape], values)];
        }),
      ),
      ...Object.fromEntries(
        fixed.map(({ port, value, sizes }) => {
          const shape = sizes.map((d) => d ?? rows);
          const all = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
          return [port.name, tensorOf(port.dtype, shape, port.dtype === 'uint8' ? Uint8Array.from(all) : all)];
        }),
      ),
    }),
  };
}
