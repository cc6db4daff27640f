/**
 * What a training may still move. Two equal constants are one fact to inference and two parameters to training: a fresh
 * network has many biases of 0 and scales of 1, and layers copied from one another. Merged they could only ever move together,
 * and nothing in the file would say so.
 */
import type { StoredTensor } from '../ir.js';
import { decline, type Rule } from '../rewrite/rewrite.js';
import { elementCount, type DataType } from '../tensor.js';

const FLOATS: ReadonlySet<DataType> = new Set<DataType>(['float32', 'float16', 'bfloat16', 'float64']);

/** Whether a constant of this type and shape may be a parameter: floating-point, and more than one element. */
export function mayBeTrained({ dtype, dims }: { readonly dtype: DataType; readonly dims: readonly number[] }): boolean {
  return FLOATS.has(dtype) && elementCount(dims) > 1;
}

export const isTrainable = ({ value }: StoredTensor): boolean => mayBeTrained(value);

/** Rules that would leave out a parameter, or make two of them one. */
const TYING: ReadonlySet<string> = new Set(['remove-identity', 'remove-neutral', 'remove-neutral-left']);

/** The rule, where it does not touch what may be trained: the Identity of a constant, a scale of 1, a bias of 0. */
export function sparingParameters(rule: Rule): Rule {
  if (!TYING.has(rule.name)) return rule;
  return {
    ...rule,
    check(match) {
      const constant = match.root.inputs.map((name) => match.view.constant(name)).find((c) => c && mayBeTrained(c));
      return constant ? decline('it reads a constant that may be trained (forInference)') : rule.check(match);
    },
  };
}
