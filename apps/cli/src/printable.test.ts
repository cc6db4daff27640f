import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fields, table } from './output.js';
import { printableLine, printableText } from './printable.js';

/** Titles the terminal, clears it, goes to the first column, turns the direction of writing. */
const hostile = '\u001b]0;owned\u0007\u001b[2J\rok\u202egnp.exe\u0085next\u2028line\u0000';

describe('text from elsewhere', () => {
  it('shows the code of every character that would speak to the terminal', () => {
    expect(printableLine('\u001b[31mred\n')).toBe('\\u001b[31mred\\u000a');
    expect(printableText('a\n\tb\r')).toBe('a\n\tb\\u000d');
  });

  it('stays one line in tables and fields, whatever it holds', () => {
    const shown = [table(['name', '>n'], [[`${hostile}\nforged  1`, '2']]), fields([['name', hostile]])].join('\n');
    expect(shown.split('\n')).toHaveLength(3);
    expect(shown).not.toMatch(/[^\P{Cc}\n]|[\u2028\u202e]/u);
    expect(shown).toContain('\\u001b]0;owned\\u0007');
  });

  it('leaves what people write in any language, and says the same inside JSON', () => {
    for (const text of ['Größe', '设备一号', 'прибор', '👩‍🔧 line 1']) expect(printableLine(text)).toBe(text);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printableText(JSON.stringify(text))).not.toMatch(/[^\P{Cc}\n\t]/u);
        expect(JSON.parse(printableText(JSON.stringify(text)))).toBe(text);
      }),
    );
  });
});
