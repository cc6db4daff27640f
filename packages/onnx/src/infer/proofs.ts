/**
 * What follows from the inputs of a model and from what it stores, and from nothing that it declares of other values. An
 * executor refuses a feed of another size than a number that an input declares, but nothing makes two sizes equal because
 * they bear one name; so each open size of an input is a symbol of its own here.
 */
import { functionKey } from '../check/nodes.js';
import type { Dim, Graph, Model, ValueInfo, ValueType } from '../ir.js';
import { Claims, type Claim } from './claims.js';
import { bindType, mapDims } from './declared.js';
import { inferGraph, newMeter, type InferOptions } from './engine.js';
import type { Fact } from './facts.js';
import { isKnown } from './known.js';

export interface ProofOptions extends Pick<InferOptions, 'dims' | 'known' | 'onFailure'> {
  /** The symbols of the inputs are sizes that are known to be equal where they bear one name. */
  distinct?: boolean;
}

export interface Proofs {
  readonly facts: ReadonlyMap<string, Fact>;
  /** Symbols that stand for an open size of an input, with the name that the file gives it, null where it has none. */
  readonly symbols: ReadonlyMap<string, string | null>;
  /** Symbols of sizes of which nothing more is known than which values have them in common. */
  readonly unnamed: ReadonlySet<string>;
  /** Declarations that the proofs do not bear out. */
  readonly claims: readonly Claim[];
}

/** The inputs with a symbol for each open size. */
function separated(inputs: readonly ValueInfo[], symbols: Map<string, string | null>): ValueInfo[] {
  return inputs.map((info) => {
    if (info.type?.kind !== 'tensor' || !info.type.shape) return info;
    const shape = info.type.shape.map((d, axis): Dim => {
      if (typeof d === 'number') return d;
      const symbol = `${info.name}[${axis}]`;
      symbols.set(symbol, d);
      return symbol;
    });
    return { ...info, type: { ...info.type, shape } };
  });
}

/** @throws OnnxError as `inferShapes`, for contradictions that no declaration has a part in */
export function prove(model: Model, options: ProofOptions = {}): Proofs {
  const { dims = {}, known, onFailure, distinct = false } = options;
  const bound = model.graph.inputs.map((info) => ({ ...info, type: bindType(info.type, dims) }));
  const symbols = new Map<string, string | null>();
  const graph: Graph = { ...model.graph, inputs: distinct ? bound : separated(bound, symbols) };
  const unnamed = new Set<string>();
  const claims = new Claims(new Map([...symbols].map(([symbol, name]) => [symbol, name ?? symbol])), unnamed);
  const functions = new Map(model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
  const scope = {
    opsets: model.opsets,
    functions,
    options: { dims, ...(known && { known }), ...(onFailure && { onFailure }) },
    meter: newMeter(),
    outer: new Map<string, Fact>(),
    path: '',
    calls: [],
    following: false,
    assuming: false,
    proving: claims,
    unnamed,
    overridable: model.irVersion >= 4,
  };
  return { facts: inferGraph(graph, scope, null), symbols, unnamed, claims: claims.list };
}

/** The proven types of the values of a graph by name; symbols as `prove` makes them. */
export function provenTypes(model: Model, options: ProofOptions = {}): Map<string, ValueType> {
  const types = new Map<string, ValueType>();
  for (const [name, { type }] of prove(model, options).facts) if (type) types.set(name, type);
  return types;
}

/** A proven type with the names that the file gives to open sizes; sizes that it does not name are unknown. */
export function withNames(type: ValueType, { symbols, unnamed }: Pick<Proofs, 'symbols' | 'unnamed'>): ValueType {
  return mapDims(type, (d) => {
    if (typeof d !== 'string') return d;
    return symbols.has(d) ? symbols.get(d)! : unnamed.has(d) ? null : d;
  });
}

/** What is proven of every value that a node makes, as a file may declare it. */
export function provenInfos(model: Model): Map<string, ValueInfo> {
  const proofs = prove(model);
  const infos = new Map<string, ValueInfo>();
  for (const name of model.graph.nodes.flatMap((node) => node.outputs)) {
    const type = name === '' ? null : proofs.facts.get(name)?.type;
    if (!type || !isKnown(type)) continue;
    infos.set(name, { ...model.graph.values.get(name), name, type: withNames(type, proofs) });
  }
  return infos;
}
