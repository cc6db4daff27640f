/** What a file declares of its values, joined with what is inferred. */
import { OnnxError } from '../errors.js';
import type { Dim, ValueType } from '../ir.js';
import { mergeDim, shapeText, type Shape } from './dims.js';
import type { Inferred } from './types.js';

/** A type with its dimensions mapped. */
export function mapDims(type: ValueType, f: (dim: Dim) => Dim): ValueType {
  switch (type.kind) {
    case 'tensor':
    case 'sparse':
      return type.shape ? { ...type, shape: type.shape.map(f) } : type;
    case 'sequence':
    case 'optional':
      return { ...type, element: mapDims(type.element, f) };
    case 'map':
      return { ...type, value: mapDims(type.value, f) };
    case 'opaque':
    case 'unspecified':
      return type;
  }
}

/** The type with sizes in place of symbols. */
export function bindType(type: Inferred, dims: Readonly<Record<string, number>>): Inferred {
  return type && mapDims(type, (d) => (typeof d === 'string' && Object.hasOwn(dims, d) ? dims[d]! : d));
}

/** Which symbol stands where both sides name a dimension: that of the file or that of the inputs it follows from. */
export type Preferred = 'declared' | 'inferred';

/**
 * Joins what is declared with what was inferred; numbers win over symbols.
 * @throws OnnxError `shape` where they contradict each other
 */
export function mergeTypes(where: string, declared: Inferred, inferred: Inferred, symbols: Preferred): Inferred {
  if (!inferred || inferred.kind === 'unspecified') return declared;
  if (!declared || declared.kind === 'unspecified') return inferred;
  const contradiction = (is: string, what: string): never => {
    throw new OnnxError('shape', `${where} is declared ${what}, but is ${is}`);
  };
  if (declared.kind === 'tensor' || declared.kind === 'sparse') {
    if (inferred.kind !== declared.kind) return contradiction(`a ${inferred.kind}`, `a ${declared.kind}`);
    if (declared.dtype && inferred.dtype && declared.dtype !== inferred.dtype) {
      return contradiction(inferred.dtype, declared.dtype);
    }
    const shape = mergeShapes(declared.shape, inferred.shape, symbols);
    if (!shape) return contradiction(shapeText(inferred.shape), shapeText(declared.shape));
    return { ...declared, dtype: declared.dtype ?? inferred.dtype, shape: shape.shape };
  }
  if (inferred.kind !== declared.kind) return contradiction(`a ${inferred.kind}`, `a ${declared.kind}`);
  if (declared.kind !== 'sequence' && declared.kind !== 'optional') return declared;
  const element = (inferred as typeof declared).element;
  // A declared element shape need not hold for each element alike: exporters write that of the first.
  const loose = mergeElements(declared.element, element);
  return { ...declared, element: loose ?? mergeTypes(where, declared.element, element, symbols)! };
}

/** Elements of a sequence whose declared and inferred shapes differ keep what was inferred. */
function mergeElements(declared: ValueType, inferred: ValueType): ValueType | null {
  if (declared.kind !== 'tensor' || inferred.kind !== 'tensor') return null;
  const same = !declared.dtype || !inferred.dtype || declared.dtype === inferred.dtype;
  if (!same || mergeShapes(declared.shape, inferred.shape, 'inferred')) return null;
  return { ...inferred, dtype: inferred.dtype ?? declared.dtype };
}

function mergeShapes(a: Shape | null, b: Shape | null, symbols: Preferred): { shape: Shape | null } | null {
  if (!a || !b) return { shape: a ?? b };
  if (a.length !== b.length) return null;
  const merged = a.map((d, i) => (symbols === 'declared' ? mergeDim(d, b[i]!) : mergeDim(b[i]!, d)));
  return merged.includes(null) ? null : { shape: merged.map((m) => m!.dim) };
}

/** What is declared, completed by what was inferred; where they contradict each other, what was inferred. */
export function reconcile(declared: Inferred, inferred: Inferred): Inferred {
  try {
    return mergeTypes('', declared, inferred, 'inferred');
  } catch (error) {
    if (error instanceof OnnxError) return inferred;
    throw error;
  }
}

/** A type without any shape. */
export function withoutShapes(type: ValueType): ValueType {
  switch (type.kind) {
    case 'tensor':
    case 'sparse':
      return { kind: type.kind, dtype: type.dtype, shape: null };
    case 'sequence':
    case 'optional':
      return { kind: type.kind, element: withoutShapes(type.element) };
    case 'map':
      return { kind: 'map', key: type.key, value: withoutShapes(type.value) };
    case 'opaque':
    case 'unspecified':
      return type;
  }
}

/** What was inferred, with the element type that is declared where none was inferred, and no declared size. */
export function withElementTypes(inferred: Inferred, declared: Inferred): Inferred {
  if (!declared || declared.kind === 'unspecified') return inferred;
  if (!inferred || inferred.kind === 'unspecified') return withoutShapes(declared);
  if (inferred.kind !== declared.kind) return inferred;
  if (inferred.kind === 'tensor' || inferred.kind === 'sparse') {
    return inferred.dtype === null ? { ...inferred, dtype: (declared as typeof inferred).dtype } : inferred;
  }
  if (inferred.kind === 'sequence' || inferred.kind === 'optional') {
    const element = withElementTypes(inferred.element, (declared as typeof inferred).element);
    return element ? { ...inferred, element } : inferred;
  }
  return inferred;
}

/**
 * The type of an input of a body: what the node around it passes, completed by what the body declares where the two
 * agree. A body may be declared more narrowly than it is used (the first trip of a loop), so that is no contradiction.
 */
export function adoptType(passed: Inferred, declared: Inferred): Inferred {
  if (!passed) return declared;
  if (!declared) return passed;
  try {
    return mergeTypes('', declared, passed, 'inferred');
  } catch (error) {
    if (error instanceof OnnxError) return passed;
    throw error;
  }
}
