/** What a model takes in, and the sizes that it leaves open. */
import { OnnxError } from '../errors.js';
import type { Dim, Model } from '../ir.js';
import type { DataType } from '../tensor.js';

/** An input that must be fed; a size is a number, a symbol, or null where the file says neither. */
export interface FedInput {
  readonly name: string;
  /** Null where it is no tensor, or one of unknown element type. */
  readonly dtype: DataType | null;
  /** Null where the rank is unknown. */
  readonly shape: readonly Dim[] | null;
}

/** A size below 0 is one that the exporter did not know. */
const dim = (size: Dim): Dim => (typeof size === 'number' && size < 0 ? null : size === '' ? null : size);

/** The inputs without a default. */
export function fedInputs(model: Model): FedInput[] {
  const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  return inputs.map(({ name, type }) => ({
    name,
    dtype: type?.kind === 'tensor' ? type.dtype : null,
    shape: type?.kind === 'tensor' ? (type.shape?.map(dim) ?? null) : null,
  }));
}

/** What an open size is called: its symbol, or `input[axis]` where it has none. Null for a number. */
export function sizeKey(input: FedInput, axis: number): string | null {
  const size = input.shape?.[axis];
  if (typeof size === 'number' || size === undefined) return null;
  return size ?? `${input.name}[${axis}]`;
}

/** The open sizes of all inputs by key, with whether each occurs as a first axis: the batch, by convention. */
export function openSizes(inputs: readonly FedInput[]): Map<string, { first: boolean }> {
  const found = new Map<string, { first: boolean }>();
  for (const input of inputs)
    input.shape?.forEach((_, axis) => {
      const key = sizeKey(input, axis);
      if (key !== null) found.set(key, { first: (found.get(key)?.first ?? false) || axis === 0 });
    });
  return found;
}

const spell = (shape: readonly Dim[]): string => `[${shape.map((d) => d ?? '?').join(', ')}]`;

/**
 * Sizes that follow from shapes given for whole inputs.
 * @param dims sizes by key (`openSizes`)
 * @param shapes by input
 * @returns `dims` and what the shapes add
 * @throws OnnxError `unsupported` naming every shape that no input has, that does not fit what the file declares, or
 *   that contradicts another one
 */
export function boundSizes(
  inputs: readonly FedInput[],
  dims: Readonly<Record<string, number>>,
  shapes: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  const problems: string[] = [];
  const bound: Record<string, number> = { ...dims };
  for (const [name, given] of Object.entries(shapes)) {
    const input = inputs.find((i) => i.name === name);
    if (!input) {
      const names = inputs.map((i) => `'${i.name}'`).join(', ');
      problems.push(`there is no input '${name}'; the inputs are ${names || 'none'}`);
      continue;
    }
    if (!input.shape) continue;
    if (input.shape.length !== given.length || input.shape.some((d, i) => typeof d === 'number' && d !== given[i])) {
      problems.push(`input '${name}' is ${spell(input.shape)}, which ${spell(given)} does not fit`);
      continue;
    }
    given.forEach((size, axis) => {
      const key = sizeKey(input, axis);
      if (key === null) return;
      if (bound[key] !== undefined && bound[key] !== size)
        problems.push(`'${key}' is ${bound[key]}, but ${size} in input '${name}'`);
      bound[key] = size;
    });
  }
  if (problems.length > 0) throw new OnnxError('unsupported', problems.join('; '));
  return bound;
}
