/** A type as people read it: what ONNX's own type strings say, with this package's names of element types. */
import type { Dim, ValueType } from './ir.js';

const sizes = (shape: readonly Dim[] | null): string => (shape ? ` [${shape.map((d) => d ?? '?').join(', ')}]` : '');

/** `float32 [N, 10]`, `seq(map(int64, float32 []))`; a question mark stands for what is not known. */
export function typeText(type: ValueType | null | undefined): string {
  switch (type?.kind) {
    case 'tensor':
      return `${type.dtype ?? '?'}${sizes(type.shape)}`;
    case 'sparse':
      return `sparse(${type.dtype ?? '?'}${sizes(type.shape)})`;
    case 'sequence':
      return `seq(${typeText(type.element)})`;
    case 'optional':
      return `optional(${typeText(type.element)})`;
    case 'map':
      return `map(${type.key}, ${typeText(type.value)})`;
    case 'opaque':
      return `opaque(${[type.domain, type.name].filter((part) => part !== '').join('.')})`;
    default:
      return '?';
  }
}
