/** A model at given sizes of its symbolic dimensions. */
import { OnnxError } from './errors.js';
import { isContradiction, type InferOptions } from './infer/engine.js';
import { inferShapes } from './infer/index.js';
import { Watch } from './infer/watch.js';
import type { Model, Node, ValueInfo } from './ir.js';

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

interface Sized {
  model: Model;
  assumed: Record<string, number>;
}

/**
 * The model with every size of its inputs a number, and what follows from them inferred.
 * @param dims sizes of symbolic dimensions, and by `input[axis]` of those without a name; 1 for those not named, unless the model contradicts a size of 1
 * @param infer what infers, `inferShapes` unless said otherwise
 * @returns `assumed` says which sizes were put in, by symbol, or by `input[axis]` where the file has no symbol
 * @throws OnnxError `shape` when the model's shapes contradict each other
 */
export function atSizes(
  model: Model,
  dims: Readonly<Record<string, number>> = {},
  infer: typeof inferShapes = inferShapes,
): Sized {
  const assumed: Record<string, number> = {};
  const given: Record<string, number> = {};
  for (const symbol of symbolicSizes(model)) {
    assumed[symbol] = dims[symbol] ?? 1;
    if (dims[symbol] !== undefined) given[symbol] = dims[symbol];
  }
  const inputs = model.graph.inputs.map((info) => closeUnknown(info, dims, assumed));
  // Sizes of 1 that nobody asked for may be too small for the model; then only those that were named count.
  const asked = Object.keys(assumed).length === Object.keys(given).length;
  try {
    return { model: infer({ ...model, graph: { ...model.graph, inputs } }, { dims: assumed }), assumed };
  } catch (error) {
    if (asked || !(error instanceof OnnxError) || error.code !== 'shape') throw error;
    return { model: infer(model, { dims: given }), assumed: given };
  }
}

export interface Followed extends Sized {
  /** What is inside of its nodes. */
  readonly watch: Watch;
  /** Nodes that contradict what is known, with what they contradict; the types of what they give are unknown. */
  readonly failures: ReadonlyMap<Node, string>;
}

/**
 * As `atSizes`, but nodes that contradict what is known at any size are left out, and named.
 * @throws OnnxError as `inferShapes` but for contradictions and attributes
 */
export function followAtSizes(model: Model, dims: Readonly<Record<string, number>> = {}): Followed {
  const failures = new Map<Node, string>();
  const onFailure = (node: Node, error: OnnxError): void => void failures.set(node, error.message);
  const attempt = (more: Partial<InferOptions>): Followed => {
    let watch = new Watch();
    const sized = atSizes(model, dims, (m, options) => {
      watch = new Watch();
      return inferShapes(m, { ...options, ...more, watch });
    });
    return { ...sized, watch, failures };
  };
  try {
    return attempt({});
  } catch (error) {
    if (!isContradiction(error)) throw error;
    return attempt({ onFailure });
  }
}
