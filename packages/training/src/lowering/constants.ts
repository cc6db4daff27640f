/** Constants of a forward graph as numbers. */
import type { StoredTensor } from '@verge/onnx';

/** The elements of a constant of whole numbers and its rank; undefined where the value is no such constant. */
export function wholeNumbers(
  constants: ReadonlyMap<string, StoredTensor>,
  name: string | undefined,
): { readonly values: readonly number[]; readonly rank: number } | undefined {
  const value = constants.get(name ?? '')?.value;
  if (!value || !('data' in value) || (value.dtype !== 'int64' && value.dtype !== 'int32')) return undefined;
  return { values: Array.from(value.data, Number), rank: value.dims.length };
}
