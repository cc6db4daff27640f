/** What the person at the terminal sees: a line for each step, and tables. */

const interactive = process.stdout.isTTY === true;
const paint = (code: number, text: string): string => (interactive ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
export const green = (text: string): string => paint(32, text);
export const red = (text: string): string => paint(31, text);

export class StepLine {
  readonly #started = Date.now();
  #shown = '';

  constructor(
    private readonly index: number,
    private readonly total: number,
    private readonly title: string,
  ) {
    process.stdout.write(`${this.#head()}${interactive ? '' : ' ...\n'}`);
  }

  #head(): string {
    return `${dim(`[${String(this.index).padStart(2)}/${this.total}]`)} ${this.title}`;
  }

  get seconds(): number {
    return (Date.now() - this.#started) / 1000;
  }

  progress(text: string): void {
    if (!interactive || text === this.#shown) return;
    this.#shown = text;
    const room = Math.max(20, (process.stdout.columns ?? 100) - this.title.length - 12);
    process.stdout.write(`\r\x1b[2K${this.#head()} ${dim(text.replaceAll(/\s+/g, ' ').slice(0, room))}`);
  }

  end(ok: boolean, detail: string): void {
    const mark = ok ? green('done') : red('FAILED');
    const line = `${this.#head()} ${mark} ${dim(`${this.seconds.toFixed(1)} s`)}${detail ? `  ${detail}` : ''}`;
    process.stdout.write(`${interactive ? '\r\x1b[2K' : ''}${line}\n`);
  }
}

/** Columns whose heading starts with '>' are aligned to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = headings.map((h) => h.replace(/^>/, ''));
  const widths = names.map((n, i) => Math.max(n.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => (headings[i]?.startsWith('>') ? c.padStart(widths[i] ?? 0) : c.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [bold(line(names)), dim(widths.map((w) => '-'.repeat(w)).join('  ')), ...rows.map(line)].join('\n');
}

/** In powers of 1024 with the prefixes of IEC 80000-13. */
export const kibibytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
export const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
export const percent = (fraction: number): string => `${(fraction * 100).toFixed(2)} %`;
export const milliseconds = (ms: number): string => `${ms.toFixed(3)} ms`;
