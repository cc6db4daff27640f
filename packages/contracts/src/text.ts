/**
 * Text that comes from outside. JSON and protocol buffers allow characters that PostgreSQL cannot store (U+0000), that
 * are no characters (lone surrogates), or that change what a terminal or a reader sees (escape sequences, overrides of
 * the writing direction). They are refused where text enters, or shown by their code point where it must be kept.
 */
import { z } from 'zod';

/** 'line': names, labels, anything shown in one line. 'free': notes and documents, which have tabs and line breaks. */
export type TextKind = 'line' | 'free';

// Control characters (Cc), lone surrogates (Cs), line and paragraph separators (Zl, Zp) and the Bidi_Control property
// (Unicode Standard Annex #9).
const refused = '[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]';
const refusedIn: Record<TextKind, RegExp> = {
  line: new RegExp(refused, 'u'),
  // CR only before LF: alone it lets a terminal write over what stands there.
  free: new RegExp(`(?!\\t|\\n|\\r\\n)${refused}`, 'u'),
};
const everyRefusedIn: Record<TextKind, RegExp> = {
  line: new RegExp(refusedIn.line, 'gu'),
  free: new RegExp(refusedIn.free, 'gu'),
};

const codePoint = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

/** What is wrong with a text, naming the code point and where it stands; null when nothing is. */
export function textProblem(text: string, kind: TextKind = 'line'): string | null {
  const found = refusedIn[kind].exec(text);
  if (!found) return null;
  const expected = kind === 'line' ? 'expected one line of text' : 'expected text';
  return `${expected} without control characters, has ${codePoint(found[0])} at position ${found.index + 1}`;
}

/** The text with every refused character written as `\u{1b}`: safe to store and to show. */
export function visibleText(text: string, kind: TextKind = 'line'): string {
  return text.replaceAll(everyRefusedIn[kind], (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

// The same as a character class that JSON Schema's readers in other languages know. Lone surrogates are left out: text in
// UTF-8 has none.
const unprintable = '\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';

/** What text may be, as a pattern for JSON Schema. */
export const textPattern: Record<TextKind, string> = {
  line: `^[^${unprintable}]*$`,
  free: `^(?:[^${unprintable}]|\\t|\\n|\\r\\n)*$`,
};

const freeTexts = new WeakSet<z.ZodType>();

/** Marks a schema as text that may have several lines. Pass the finished schema: a later `.min()` makes another one. */
export function freeText<T extends z.ZodType>(schema: T): T {
  freeTexts.add(schema);
  return schema;
}

export const isFreeText = (schema: z.ZodType): boolean => freeTexts.has(schema);

/**
 * Where free text may stand in a value of the schema: JSON pointers, with `*` for any index or key. Text anywhere else is
 * one line.
 */
export function freeTextPointers(schema: z.ZodType, at = ''): string[] {
  if (freeTexts.has(schema)) return [at];
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([key, field]) => freeTextPointers(field as z.ZodType, `${at}/${key}`));
  if (schema instanceof z.ZodArray) return freeTextPointers(schema.element as z.ZodType, `${at}/*`);
  if (schema instanceof z.ZodRecord) return freeTextPointers(schema.valueType as z.ZodType, `${at}/*`);
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => freeTextPointers(option as z.ZodType, at));
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return freeTextPointers(schema.unwrap() as z.ZodType, at);
  return [];
}
