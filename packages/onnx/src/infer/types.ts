/** Types of values, and the smallest type that covers two of them. */
import type { ValueType } from '../ir.js';
import type { DataType } from '../tensor.js';
import type { Shape } from './dims.js';

/** A type as far as it is known; null is nothing. */
export type Inferred = ValueType | null;

export function tensorType(dtype: DataType | null, shape: Shape | null): ValueType {
  return { kind: 'tensor', dtype, shape };
}

export function sequenceType(element: ValueType): ValueType {
  return { kind: 'sequence', element };
}

export function optionalType(element: ValueType): ValueType {
  return { kind: 'optional', element };
}

/** The dimensions on which both agree; of shapes of different ranks nothing is left. */
export function joinShapes(a: Shape | null, b: Shape | null): Shape | null {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((d, i) => (d === b[i] ? d : null));
}

/** The smallest type that covers both; null when no type does. */
export function joinTypes(a: Inferred, b: Inferred): Inferred {
  if (!a || !b) return null;
  if ((a.kind === 'tensor' || a.kind === 'sparse') && a.kind === b.kind) {
    const dtype = a.dtype === b.dtype ? a.dtype : null;
    return { kind: a.kind, dtype, shape: joinShapes(a.shape, b.shape) };
  }
  if ((a.kind === 'sequence' || a.kind === 'optional') && a.kind === b.kind) {
    const element = joinTypes(a.element, b.element);
    return element && { kind: a.kind, element };
  }
  if (a.kind === 'map' && b.kind === 'map') {
    const value = joinTypes(a.value, b.value);
    return value && a.key === b.key ? { kind: 'map', key: a.key, value } : null;
  }
  return sameType(a, b) ? a : null;
}

export function sameType(a: Inferred, b: Inferred): boolean {
  if (!a || !b || a.kind !== b.kind) return a === b;
  switch (a.kind) {
    case 'tensor':
    case 'sparse': {
      const other = b as typeof a;
      return a.dtype === other.dtype && sameShape(a.shape, other.shape);
    }
    case 'sequence':
    case 'optional':
      return sameType(a.element, (b as typeof a).element);
    case 'map':
      return a.key === (b as typeof a).key && sameType(a.value, (b as typeof a).value);
    case 'opaque':
      return a.domain === (b as typeof a).domain && a.name === (b as typeof a).name;
    case 'unspecified':
      return true;
  }
}

function sameShape(a: Shape | null, b: Shape | null): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((d, i) => d === b[i]);
}
