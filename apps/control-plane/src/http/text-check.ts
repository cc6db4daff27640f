/**
 * What no text of a request may hold, wherever it stands: one walk over all that came in, before anything reads it. A
 * string that a schema does not mark as free text is one line.
 */
import { freeTextPointers, textProblem, type FieldError } from '@verge/contracts';
import type { z } from 'zod';
import { ProblemError } from './problem-error.js';

/** Deeper than any contract. The walk ends here, so that no nesting can exhaust the stack. */
const MAX_DEPTH = 64;
/** Of many bad fields so many are named. */
const MAX_ERRORS = 100;

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * Every text in `value`, keys included, that is not what it may be. `field` names a pointer (RFC 6901) to the caller.
 * @throws ProblemError VALIDATION_FAILED for a value that is nested deeper than any contract
 */
export function textErrors(
  value: unknown,
  schema: z.ZodType | undefined,
  field: (pointer: string) => string = (pointer) => pointer || '/',
): FieldError[] {
  const free = new Set(schema ? freeTextPointers(schema) : []);
  const errors: FieldError[] = [];
  const refuse = (pointer: string, detail: string | null): void => {
    if (detail !== null && errors.length < MAX_ERRORS) errors.push({ field: field(pointer), detail });
  };
  // `shape` is the pointer with `*` for indices; keys of records are marked the same way, hence both are tried.
  const visit = (node: unknown, pointer: string, shapes: readonly string[], depth: number): void => {
    if (typeof node === 'string') return refuse(pointer, textProblem(node, kindAt(shapes)));
    if (typeof node !== 'object' || node === null) return;
    if (depth === MAX_DEPTH)
      throw ProblemError.invalid([
        { field: field('/' + pointer.split('/')[1]!), detail: `expected at most ${MAX_DEPTH} levels` },
      ]);
    if (Array.isArray(node)) {
      const below = shapes.map((shape) => `${shape}/*`);
      return node.forEach((item, i) => visit(item, `${pointer}/${i}`, below, depth + 1));
    }
    for (const [key, item] of Object.entries(node)) {
      const at = `${pointer}/${escaped(key)}`;
      refuse(at, key === '__proto__' ? 'expected another name' : textProblem(key));
      visit(item, at, free.size === 0 ? shapes : shapes.flatMap((s) => [`${s}/${key}`, `${s}/*`]), depth + 1);
    }
  };
  const kindAt = (shapes: readonly string[]) => (shapes.some((shape) => free.has(shape)) ? 'free' : 'line');
  visit(value, '', [''], 0);
  return errors;
}
