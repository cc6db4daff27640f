import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { freeText, freeTextPointers, textProblem, visibleText } from './index.js';

describe('text from outside', () => {
  it.each([
    ['\0', 'U+0000'],
    ['\ud800', 'U+D800'],
    ['a\udc00b', 'U+DC00'],
    ['\u001b[31m', 'U+001B'],
    ['two\nlines', 'U+000A'],
    ['\u0085', 'U+0085'],
    ['\u202e', 'U+202E'],
    ['\u2028', 'U+2028'],
    ['\u2066', 'U+2066'],
  ])('%j is not one line', (text, code) => {
    expect(textProblem(text)).toContain(code);
    expect(textProblem(visibleText(text))).toBeNull();
  });

  it('is everything else', () => {
    for (const text of ['', 'Halle 3 – Presse ①', '产线一', 'عربي', '👩‍🔧', 'a\u00a0b']) {
      expect(textProblem(text)).toBeNull();
      expect(visibleText(text)).toBe(text);
    }
  });

  it('has tabs and line breaks where it is free', () => {
    expect(textProblem('a\tb\r\nc\n', 'free')).toBeNull();
    expect(textProblem('a\rb', 'free')).toContain('U+000D at position 2');
    expect(textProblem('\u001b', 'free')).toContain('U+001B');
  });

  it('becomes one line by showing what is refused, whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => textProblem(visibleText(text)) === null));
  });
});

it('knows where a schema has free text', () => {
  const Note = freeText(z.string().max(10));
  const schema = z.strictObject({
    name: z.string(),
    notes: Note.default(''),
    parts: z.array(z.union([z.strictObject({ note: Note.nullable() }), z.string()])).optional(),
    byName: z.record(z.string(), Note),
  });
  expect(freeTextPointers(schema)).toEqual(['/notes', '/parts/*/note', '/byName/*']);
});
