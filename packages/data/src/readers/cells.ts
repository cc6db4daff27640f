/** What the text of a cell is: a number, a truth value, nothing. The grammar is that of pandas. */

/** Texts that stand for a missing value, as pandas has them (`pandas._libs.parsers.STR_NA_VALUES`). */
export const usualMissing: readonly string[] = [
  ...['', '#N/A', '#N/A N/A', '#NA', '-1.#IND', '-1.#QNAN', '-NaN', '-nan', '1.#IND', '1.#QNAN', '<NA>', 'N/A'],
  ...['NA', 'NULL', 'NaN', 'None', 'n/a', 'nan', 'null'],
];

export interface Numerals {
  /** What stands before the fraction. */
  readonly decimal: '.' | ',';
  /** What may stand between groups of digits. */
  readonly thousands?: string | undefined;
}

const digits = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const infinities = /^[+-]?(inf|infinity)$/i;

/** @returns the number that a cell is, infinite ones too; null when it is none */
export function numberIn(cell: string, { decimal, thousands }: Numerals): number | null {
  let text = cell.trim();
  if (thousands !== undefined) text = text.replaceAll(thousands, '');
  if (decimal === ',') {
    if (text.includes('.')) return null;
    text = text.replace(',', '.');
  }
  if (digits.test(text)) return Number(text);
  if (infinities.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return null;
}

const truths: Readonly<Record<string, number>> = { true: 1, True: 1, TRUE: 1, false: 0, False: 0, FALSE: 0 };

/** @returns 1 or 0 for a truth value as pandas reads one; null for anything else */
export const truthIn = (cell: string): number | null =>
  Object.hasOwn(truths, cell.trim()) ? (truths[cell.trim()] as number) : null;

/** What a float32 makes of a number that is none any more, in words; null where it stays finite. */
export function overflow(value: number): string | null {
  if (Number.isFinite(Math.fround(value))) return null;
  return Number.isFinite(value) ? `${value} is infinite in float32` : `${value} is no finite number`;
}
