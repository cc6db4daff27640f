/** Operators that share one row, listed as words. */
import type { Row } from './facts.js';

/** The words of a text, as a type. */
export type Words<T extends string> = T extends `${infer A} ${infer B}` ? A | Words<B> : T;

export function family<T extends string>(lists: readonly T[], row: Row): Record<Words<T>, Row> {
  const names = lists.flatMap((list) => list.split(' '));
  return Object.fromEntries(names.map((name) => [name, row])) as Record<Words<T>, Row>;
}
