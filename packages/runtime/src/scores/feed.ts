/** Samples as what a model takes in: one tensor, or a few columns for each of several inputs. */
import type { Samples } from '@verge/data';
import type { Tensor } from '@verge/onnx';
import { RuntimeError } from '../errors.js';
import type { Port } from '../loaded-session.js';

const show = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** Types of an input that samples are turned into; whole numbers (token ids) lose no digits. */
const readable: readonly string[] = ['float32', 'float64', 'uint8', 'int32', 'int64'];

function typeProblem(input: Port, samples: Samples): string[] {
  if (!readable.includes(input.dtype))
    return [`input '${input.name}' is ${input.dtype}, expected ${readable.join(', ')}`];
  if (input.dtype === 'uint8' && samples.x instanceof Float32Array)
    return [`input '${input.name}' is uint8, the samples are float32`];
  return [];
}

/** Columns that each input takes, where every one is [N, columns] and together they take all; null otherwise. */
function columnsOf(inputs: readonly Port[], samples: Samples): number[] | null {
  const [features] = samples.shape;
  const widths = inputs.map(({ shape }) => (shape.length === 2 && typeof shape[1] === 'number' ? shape[1] : NaN));
  const all = widths.reduce((sum, width) => sum + width, 0);
  return samples.shape.length === 1 && all === features ? widths : null;
}

function problemsOf(inputs: readonly Port[], samples: Samples): string[] {
  const [input] = inputs;
  const types = inputs.flatMap((port) => typeProblem(port, samples));
  if (samples.y.length === 0) types.push('there are no samples');
  if (inputs.length > 1 || !input) {
    if (input && columnsOf(inputs, samples)) return types;
    const list = inputs.map((i) => `'${i.name}' ${show(i.shape)}`).join(', ');
    return [
      `the model has ${inputs.length} inputs${input ? ` (${list})` : ''}, expected one, or columns of samples of ${show(samples.shape)}`,
      ...types,
    ];
  }
  const wanted = input.shape.slice(1);
  const fits =
    wanted.length === samples.shape.length && wanted.every((d, i) => typeof d === 'string' || d === samples.shape[i]);
  // No shape at all is one that the file does not say.
  if (!fits && input.shape.length > 0)
    types.push(`input '${input.name}' reads samples of ${show(wanted)}, the data has ${show(samples.shape)}`);
  return types;
}

/** @throws RuntimeError `bad-samples` when samples and inputs do not fit; all misfits at once */
export function checkFit(inputs: readonly Port[], samples: Samples): asserts inputs is [Port, ...Port[]] {
  const problems = problemsOf(inputs, samples);
  if (problems.length > 0) throw new RuntimeError('bad-samples', problems.join('; '), { problems });
}

function tensorOf(dtype: string, dims: number[], x: Samples['x']): Tensor {
  if (dtype === 'uint8' && x instanceof Uint8Array) return { dtype, dims, data: x };
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(x) };
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from(x as ArrayLike<number>, (v) => BigInt(Math.trunc(v))) };
  if (dtype === 'float64') return { dtype, dims, data: Float64Array.from(x) };
  return { dtype: 'float32', dims, data: x instanceof Float32Array ? x : Float32Array.from(x) };
}

/** @param batch samples that `checkFit` has let through */
export function feedsOf(inputs: readonly Port[], batch: Samples, rows: number): Record<string, Tensor> {
  if (inputs.length === 1) {
    const [{ name, dtype }] = inputs as [Port];
    return { [name]: tensorOf(dtype, [rows, ...batch.shape], batch.x) };
  }
  const widths = columnsOf(inputs, batch) ?? [];
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
