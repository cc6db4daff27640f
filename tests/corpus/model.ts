/** A model of the corpus with its inputs, and what ONNX Runtime gives for it as it is. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type NpyArray, readNpzArrays } from '@verge/data';
import {
  decodeModel,
  externalLocations,
  loadExternalData,
  type Model,
  roundingsOf,
  type Session,
  type Tensor,
} from '@verge/onnx';

/** Largest |a - b| over the largest |a| of an output that counts as equal: fused sums are added up in another order. */
const RELATIVE = 1e-4;
const ABSOLUTE = 1e-5;

/** What ONNX Runtime would make of both is not what is compared. */
export const asItIs = { optimization: 'disabled' } as const;

/** In models of halves what their roundings explain, where that is more. */
export const relativeOf = (model: Model): number => Math.max(RELATIVE, roundingsOf(model).relative);

export async function load(path: string): Promise<Model> {
  const model = decodeModel(await readFile(path));
  const files = new Map<string, Uint8Array>();
  for (const location of externalLocations(model)) files.set(location, await readFile(join(dirname(path), location)));
  return loadExternalData(model, files);
}

/** The stored array as the type that the model's input has. */
export function asTensor({ dims, data }: NpyArray, dtype: string): Tensor {
  const numbers = data as ArrayLike<number | bigint>;
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from({ length: numbers.length }, (_, i) => BigInt(numbers[i]!)) };
  if (dtype === 'int32')
    return { dtype, dims, data: Int32Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  if (dtype === 'float64')
    return { dtype, dims, data: Float64Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  if (dtype === 'float32')
    return { dtype, dims, data: Float32Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  throw new Error(`an input of ${dtype} is not stored here`);
}

/** The stored inputs, as the types that the model's have. */
export async function feedsOf(model: Model, path: string): Promise<Record<string, Tensor>> {
  const arrays = await readNpzArrays(path);
  const strings = path.replace(/npz$/, 'strings.json');
  const feeds: Record<string, Tensor> = {};
  if (existsSync(strings)) {
    const texts = JSON.parse(await readFile(strings, 'utf8')) as Record<string, { dims: number[]; data: string[] }>;
    for (const [name, text] of Object.entries(texts)) feeds[name] = { dtype: 'string', ...text };
  }
  for (const { name, type } of model.graph.inputs) {
    if (feeds[name]) continue;
    const array = arrays.get(name);
    if (model.graph.initializers.has(name) && !array) continue;
    if (!array || type?.kind !== 'tensor' || !type.dtype) throw new Error(`no value for the input '${name}'`);
    feeds[name] = asTensor(array, type.dtype);
  }
  return feeds;
}

export async function outputs(session: Session, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/**
 * @param relative of the largest number of an output
 * @throws Error naming the first output that is missing or further off
 */
export function assertEqual(
  expected: Readonly<Record<string, Tensor>>,
  got: Readonly<Record<string, Tensor>>,
  relative: number,
): void {
  for (const [name, a] of Object.entries(expected)) {
    const b = got[name];
    if (!b) throw new Error(`output '${name}' is missing`);
    if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join())
      throw new Error(`output '${name}' is ${b.dtype} [${b.dims.join()}], not ${a.dtype} [${a.dims.join()}]`);
    if (a.dtype === 'string') {
      if ((a.data as readonly string[]).some((text, i) => text !== b.data[i]))
        throw new Error(`output '${name}' differs`);
      continue;
    }
    let [apart, largest] = [0, 0];
    for (let i = 0; i < a.data.length; i++) {
      const [p, q] = [Number(a.data[i]), Number(b.data[i])];
      if (Number.isFinite(p)) largest = Math.max(largest, Math.abs(p));
      if (p === q || (Number.isNaN(p) && Number.isNaN(q))) continue;
      apart = Math.max(apart, Number.isNaN(p - q) ? Infinity : Math.abs(p - q));
    }
    if (apart > ABSOLUTE + relative * largest)
      throw new Error(
        `output '${name}' is ${apart.toPrecision(3)} off, its largest number is ${largest.toPrecision(3)}`,
      );
  }
}
