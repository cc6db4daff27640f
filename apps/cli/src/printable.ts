/**
 * Text that came from elsewhere (names, labels, error messages, logs) must not speak to the terminal: an escape sequence in a
 * device's name could clear the screen, set its title or write lines that look like ours. What is shown is the character's
 * code instead, as in `\u001b[2J`.
 */

/**
 * C0 and C1 controls and DEL (ECMA-48), the marks and overrides of writing direction (Unicode bidirectional algorithm, UAX 9), and
 * the two separators that some terminals take for a new line. Tab and new line are told apart by the callers.
 */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text of several lines: new lines and tabs stay. */
export const printableText = (text: string): string =>
  text.replace(unprintable, (c) => (c === '\n' || c === '\t' ? c : escaped(c)));

/** One cell of a table, one value of a line: a new line or a tab in it would forge another. */
export const printableLine = (text: string): string => text.replace(unprintable, escaped);
