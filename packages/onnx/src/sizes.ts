/** A model at given sizes of its symbolic dimensions. */
import { OnnxError } from './errors.js';
import { inferShapes } from './infer/index.js';
import type { Model, ValueInfo } from './ir.js';

/** Names of the sizes that the inputs leave open. */
export function symbolicSizes(model: Model): Set<string> {
  const symbols = new Set<string>();
  for (const { type } of model.graph.inputs) {
    if (type?.kind === 'tensor') for (const d of type.shape ?? []) if (typeof d === 'string') symbols.add(d);
  }
  return symbols;
}

/** Inputs whose size is neither a number nor a symbol, at what is given for `input[axis]`, else 1. */
function closeUnknown(
  info: ValueInfo,
  dims: Readonly<Record<string, number>>,
  assumed: Record<string, number>,
): ValueInfo {
  if (info.type?.kind !== 'tensor' || !info.type.shape?.includes(null)) return info;
  const sizeOf = (key: string): number => (assumed[key] = dims[key] ?? 1);
  const shape = info.type.shape.map((d, i) => (d === null ? sizeOf(`${info.name}[${i}]`) : d));
  return { ...info, type: { ...info.type, shape } };
}

/**
 * The model with every size of its inputs a number, and what follows from them inferred.
 * @param dims sizes of symbolic dimensions, and by `input[axis]` of those without a name; 1 for those not named, unless the model contradicts a size of 1
 * @returns `assumed` says which sizes were put in, by symbol, or by `input[axis]` where the file has no symbol
 * @throws OnnxError `shape` when the model's shapes contradict each other
 */
export function atSizes(
  model: Model,
  dims: Readonly<Record<string, number>> = {},
): { model: Model; assumed: Record<string, number> } {
  const assumed: Record<string, number> = {};
  const given: Record<string, number> = {};
  for (const symbol of symbolicSizes(model)) {
    assumed[symbol] = dims[symbol] ?? 1;
    if (dims[symbol] !== undefined) given[symbol] = dims[symbol];
  }
  const inputs = model.graph.inputs.map((info) => closeUnknown(info, dims, assumed));
  try {
    return { model: inferShapes({ ...model, graph: { ...model.graph, inputs } }, { dims: assumed }), assumed };
  } catch (error) {
    // Sizes of 1 that nobody asked for may be too small for the model; then only those that were named count.
    const asked = Object.keys(assumed).length === Object.keys(given).length;
    if (asked || !(error instanceof OnnxError) || error.code !== 'shape') throw error;
    return { model: inferShapes(model, { dims: given }), assumed: given };
  }
}
