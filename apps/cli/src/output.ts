/** Two readers: people get tables and sentences on stdout, scripts get one JSON document with --json. */
import { printableLine, printableText } from './printable.js';

export interface Output {
  readonly json: boolean;
  /** The answer of a command: `value` for scripts, `text` for people. */
  result(value: unknown, text: string | (() => string)): void;
  /** Progress, on stderr, so that stdout stays clean. */
  progress(line: string): void;
}

export function createOutput(json: boolean): Output {
  let last = '';
  return {
    json,
    result(value, text) {
      const shown = json ? JSON.stringify(value, null, 2) : typeof text === 'function' ? text() : text;
      // Inside a JSON text only strings can hold such characters, and there the escape means the same.
      process.stdout.write(printableText(shown) + '\n');
    },
    progress(line) {
      if (line === last) return;
      last = line;
      process.stderr.write(printableText(line) + '\n');
    },
  };
}

/** Aligned columns; a heading that starts with '>' is aligned to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '(none)';
  const names = headings.map((h) => h.replace(/^>/, ''));
  const cells = rows.map((row) => row.map(printableLine));
  const widths = names.map((n, i) => cells.reduce((most, row) => Math.max(most, (row[i] ?? '').length), n.length));
  const line = (row: readonly string[]): string =>
    row
      .map((c, i) => (headings[i]?.startsWith('>') ? c.padStart(widths[i] ?? 0) : c.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(names.map((n) => n.toUpperCase())), ...cells.map(line)].join('\n');
}

/** `key: value` lines, keys aligned. */
export function fields(pairs: readonly (readonly [string, string | number | null | undefined])[]): string {
  const width = Math.max(...pairs.map(([k]) => k.length));
  return pairs.map(([k, v]) => `${printableLine(k).padEnd(width)}  ${printableLine(String(v ?? '-'))}`).join('\n');
}

export const percent = (fraction: number | null | undefined): string =>
  fraction === null || fraction === undefined ? '-' : `${(fraction * 100).toFixed(2)} %`;
export const milliseconds = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '-' : `${ms.toFixed(3)} ms`;
/** In powers of 1024 with the prefixes of IEC 80000-13. */
export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return '-';
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
export const digest = (d: string | null | undefined): string => (d ? d.slice(0, 'sha256:'.length + 12) : '-');
