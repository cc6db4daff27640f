/**
 * NumPy's NPY format 1.0 to 3.0 (numpy.lib.format) and NPZ, a ZIP of them. Object arrays (pickles) are refused.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { defaultMaxBytes, readBytes } from '../bytes.js';
import { DataError, messageOf } from '../errors.js';
import type { Elements, FurtherInput, Part } from '../samples.js';
import { decodeElements, elementBytes } from './elements.js';
import { chosenArrays, findArrays, restNotes, type ArrayPair } from './array-names.js';
import { visibleIn } from './folder-walk.js';
import { refuseMisfits, truthsOfArrays } from './array-targets.js';
import type { OpenOptions } from './options.js';
import type { RawDataset } from './raw.js';

export interface NpyArray {
  dims: number[];
  data: Elements;
  /** Whether the file holds whole numbers. */
  whole?: boolean;
}

export interface NpyHeader {
  descr: string;
  fortran: boolean;
  dims: number[];
  /** Where the elements begin. */
  start: number;
}

/** @throws DataError `malformed` when the bytes do not begin with a whole NPY header */
export function npyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const magic =
    bytes.length >= 12 && bytes[0] === 0x93 && Buffer.from(bytes.subarray(1, 6)).toString('latin1') === 'NUMPY';
  if (!magic) throw new DataError('malformed', `'${name}' is no NPY array`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (bytes[6] as number) >= 2;
  const start = (long ? 12 : 10) + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const text = Buffer.from(bytes.subarray(long ? 12 : 10, start)).toString('utf8');
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new DataError('malformed', `'${name}' has an NPY header that gives no plain descr, fortran_order and shape`);
  }
  const dims = shape
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  if (dims.some((d) => !Number.isSafeInteger(d) || d < 0))
    throw new DataError('malformed', `'${name}' has the shape (${shape})`);
  return { descr, fortran: order === 'True', dims, start };
}

/** Position in row-major order of the element at `index` of column-major (Fortran) order. */
export function rowMajor(index: number, dims: readonly number[]): number {
  let rest = index;
  let at = 0;
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));
  dims.forEach((d, i) => {
    at += (rest % d) * (strides[i] as number);
    rest = Math.floor(rest / d);
  });
  return at;
}

/** @throws DataError `malformed` for broken or truncated arrays, pickles and element types that are no numbers. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const { descr, fortran, dims, start } = npyHeader(bytes, name);
  const size = elementBytes(descr);
  if (size === undefined)
    throw new DataError('malformed', `'${name}' holds elements of type '${descr}', expected numbers or booleans`);
  const count = dims.reduce((a, b) => a * b, 1);
  if (!(bytes.length >= start + count * size)) {
    throw new DataError(
      'malformed',
      `'${name}' has ${bytes.length - start} bytes of data, its header says ${count * size}`,
    );
  }
  const body = bytes.subarray(start, start + count * size);
  const data = decodeElements(body, descr, count, fortran ? (i) => rowMajor(i, dims) : undefined);
  return { dims, data, whole: /^[<>|=]?[iu]/.test(descr) };
}

/**
 * The NPY files of an NPZ by name, `.npy` taken off.
 * @throws DataError `malformed`, `too-large` when they unpack to more than `maxBytes`
 */
export async function unpackNpz(path: string, maxBytes = defaultMaxBytes): Promise<Map<string, Uint8Array>> {
  const bytes = await readBytes(path, maxBytes);
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: (file) => {
        total += file.originalSize;
        if (total > maxBytes) {
          throw new DataError('too-large', `'${path}' unpacks to more than ${maxBytes} bytes`);
        }
        return file.name.endsWith('.npy');
      },
    });
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('malformed', `'${path}' is no readable NPZ: ${messageOf(cause)}`, { cause });
  }
  return new Map(Object.entries(files).map(([name, file]) => [name.slice(0, -4), file]));
}

/** Arrays of an NPZ by name, `.npy` taken off. */
export async function readNpzArrays(path: string, maxBytes = defaultMaxBytes): Promise<Map<string, NpyArray>> {
  const files = await unpackNpz(path, maxBytes);
  return new Map([...files].map(([name, file]) => [name, parseNpy(file, `${path}:${name}.npy`)]));
}

/** What is wrong with the shapes of a pair of arrays, where `first` is the x of the first pair. */
export function shapeProblems(
  source: ArrayPair,
  x: Pick<NpyArray, 'dims'>,
  y: Pick<NpyArray, 'dims'> | null,
  first: { name: string; dims: readonly number[] },
): string[] {
  const problems: string[] = [];
  if (x.dims.slice(1).join() !== first.dims.slice(1).join())
    problems.push(`${source.x} has samples of another shape than ${first.name}`);
  if (y && y.dims[0] !== x.dims[0])
    problems.push(`${source.x} has ${x.dims[0]} samples, ${source.y} has ${y.dims[0] ?? 'no axis'}`);
  return problems;
}

/** Whole numbers below are exact as float32; 2^24 itself cannot be told from the next one. */
const INEXACT = 2 ** 24;

/** Further inputs, the parts one behind the other as those of x. */
function furtherInputs(
  inputs: OpenOptions['inputs'] = {},
  chosen: readonly ArrayPair[],
  arrays: ReadonlyMap<string, NpyArray>,
  problems: string[],
): Pick<RawDataset, 'inputs'> {
  const found: [string, FurtherInput][] = [];
  for (const [input, array] of Object.entries(inputs)) {
    const parts = chosen.map((source) => {
      const [name, count] = [source.further(array), arrays.get(source.x)!.dims[0]];
      const own = arrays.get(name);
      if (!own)
        problems.push(`there is no array ${name} for the input '${input}'; there are ${[...arrays.keys()].join(', ')}`);
      else if (own.dims[0] !== count) problems.push(`${name} has ${own.dims[0]} samples, ${source.x} has ${count}`);
      else if (own.data instanceof Float32Array && !own.data.every(Number.isFinite))
        problems.push(`${name} holds values that are no numbers`);
      else if (own.whole && own.data.some((v) => Math.abs(v) >= INEXACT))
        problems.push(`${name} holds whole numbers from ${INEXACT} on, which are not kept exactly`);
      return own;
    });
    const shapes = new Set(parts.map((part) => part?.dims.slice(1).join()));
    if (shapes.size > 1) problems.push(`the arrays of the input '${input}' hold samples of different shapes`);
    const known = parts.filter((part) => part !== undefined);
    if (known.length < parts.length) continue;
    const values = joined(known.map((part) => part.data));
    found.push([input, { values, shape: known[0]!.dims.length > 1 ? known[0]!.dims.slice(1) : [1] }]);
  }
  return found.length > 0 ? { inputs: Object.fromEntries(found) } : {};
}

/** One behind the other; bytes stay bytes. */
function joined(parts: readonly Elements[]): Elements {
  const length = parts.reduce((n, part) => n + part.length, 0);
  const all = parts.every((part) => part instanceof Uint8Array) ? new Uint8Array(length) : new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param names of all arrays that there are, also of those that were not read */
function assemble(
  path: string,
  arrays: ReadonlyMap<string, NpyArray>,
  {
    format,
    names,
    options: { inputs, targetKind: kind },
  }: { format: 'npz' | 'npy'; names: Iterable<string>; options: OpenOptions },
): RawDataset {
  const found = chosenArrays(path, names);
  const chosen = found.pairs;
  const firstName = chosen[0]?.x as string;
  const first = arrays.get(firstName) as NpyArray;
  const problems: string[] = [];
  const xs: Elements[] = [];
  const parts: Part[] = [];
  for (const source of chosen) {
    const x = arrays.get(source.x) as NpyArray;
    const y = source.y === null ? null : (arrays.get(source.y) as NpyArray);
    problems.push(...shapeProblems(source, x, y, { name: firstName, dims: first.dims }));
    xs.push(x.data);
    if (source.part) for (let i = 0; i < x.dims[0]!; i++) parts.push(source.part);
  }
  const ys = chosen.flatMap(({ y }) => (y === null ? [] : [arrays.get(y)!]));
  const count = chosen.reduce((n, one) => n + (arrays.get(one.x)!.dims[0] ?? 0), 0);
  const asked = { path, names: chosen.map(({ y }) => y).join(', '), kind };
  const { notes, ...truths } = truthsOfArrays(ys, count, asked, problems);
  const further = furtherInputs(inputs, chosen, arrays, problems);
  refuseMisfits(problems);
  const x = joined(xs);
  const shape = first.dims.length > 1 ? first.dims.slice(1) : [1];
  return {
    kind: 'arrays',
    format,
    x,
    shape,
    ...truths,
    notes: [...restNotes(found, inputs), ...notes],
    ...(parts.length > 0 && { parts }),
    ...further,
  };
}

/**
 * Reads `x` and `y`, or `x_train`/`y_train` and so on, which then give the parts. A y of one class index for each sample gives labels,
 * any other targets (`Samples.targets`); without y the samples have neither.
 */
export async function readNpz(path: string, options: OpenOptions): Promise<RawDataset> {
  const arrays = await readNpzArrays(path, options.maxBytes);
  return assemble(path, arrays, { format: 'npz', options, names: arrays.keys() });
}

/**
 * The NPY files of a data set by the name of their array: a file `x….npy` and the `y….npy` beside it, or those of a
 * folder (`x.npy`, `y.npy`, or `x_train.npy` and so on).
 * @throws DataError `missing-part`
 */
export async function npyFilesOf(path: string, isFolder: boolean): Promise<Map<string, string>> {
  if (isFolder) {
    const names = (await visibleIn(path)).filter((name) => name.endsWith('.npy'));
    const files = new Map(names.map((name) => [name.slice(0, -4), join(path, name)]));
    const [only, ...others] = names.filter((name) => /^x/i.test(name));
    // One pair of another name is as good as x and y.
    const known = findArrays(path, files.keys());
    return only && others.length === 0 && !known ? npyFilesOf(join(path, only), false) : files;
  }
  const name = basename(path);
  const labels = name.replace(/^x/i, 'y');
  if (labels === name || !(await readdir(dirname(path))).includes(labels)) {
    throw new DataError('missing-part', `'${path}': expected a name that begins with x, and the same with y beside it`);
  }
  return new Map([
    ['x', path],
    ['y', join(dirname(path), labels)],
  ]);
}

/** Reads a pair of NPY files, or a folder of such pairs. */
export async function readNpyFiles(path: string, isFolder: boolean, options: OpenOptions): Promise<RawDataset> {
  const files = await npyFilesOf(path, isFolder);
  const further = Object.values(options.inputs ?? {});
  const wanted = chosenArrays(path, files.keys()).pairs.flatMap((s) => {
    return [s.x, ...(s.y === null ? [] : [s.y]), ...further.map(s.further).filter((name) => files.has(name))];
  });
  const arrays = new Map<string, NpyArray>();
  for (const name of wanted) {
    const file = files.get(name) as string;
    arrays.set(name, parseNpy(await readBytes(file, options.maxBytes), file));
  }
  return assemble(path, arrays, { format: 'npy', options, names: files.keys() });
}
