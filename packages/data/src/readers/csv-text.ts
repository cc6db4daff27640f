/** RFC 4180 text to rows: quoting, doubled quotes, line breaks within quotes; comma, semicolon or tab. */
import { DataError } from '../errors.js';

export interface CsvRow {
  /** Line on which the row begins, from 1. */
  readonly line: number;
  /** Offset of the row's first character. */
  readonly start: number;
  /** Offset after the row's last character, its line end included. */
  readonly end: number;
  readonly cells: string[];
}

function guessDelimiter(text: string): string {
  const head = text.slice(0, Math.max(0, text.indexOf('\n')) || text.length);
  const counts = [',', ';', '\t'].map((d) => ({ d, n: head.split(d).length }));
  return counts.reduce((best, c) => (c.n > best.n ? c : best)).d;
}

/** UTF-8's byte order mark as latin1 shows it. */
const byteOrderMark = '\u00ef\u00bb\u00bf';

/** Takes text in pieces, one character for each byte (latin1), so that offsets are offsets of bytes. */
export class CsvSplitter {
  #separator: string | undefined;
  #cells: string[] = [];
  #cell = '';
  #quoted = false;
  #afterQuote = false;
  #line = 1;
  #started = 1;
  #at = 0;
  #start = 0;

  constructor(delimiter?: string) {
    this.#separator = delimiter;
  }

  /** The separator, once the first piece has shown it. */
  get separator(): string | undefined {
    return this.#separator;
  }

  /** The rows that end within the piece. */
  push(piece: string): CsvRow[] {
    const marked = this.#at === 0 && piece.startsWith(byteOrderMark);
    const text = marked ? piece.slice(byteOrderMark.length) : piece;
    if (marked) this.#at = this.#start = byteOrderMark.length;
    this.#separator ??= guessDelimiter(text);
    const rows: CsvRow[] = [];
    for (let i = 0; i < text.length;) {
      const plain = this.#plainUntil(text, i);
      if (plain > i) {
        this.#cell += text.slice(i, plain);
        this.#afterQuote = false;
        i = plain;
      } else {
        const row = this.#special(text[i] as string, this.#at + i + 1);
        if (row) rows.push(row);
        i++;
      }
    }
    this.#at += text.length;
    return rows;
  }

  /** End of the run of characters from `from` on that mean only themselves. */
  #plainUntil(text: string, from: number): number {
    const separator = (this.#separator as string).charCodeAt(0);
    let i = from;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 10 || code === 34) break;
      if (code === separator && !this.#quoted) break;
    }
    return i;
  }

  #special(ch: string, end: number): CsvRow | null {
    if (ch === '\n') this.#line++;
    if (this.#quoted) {
      if (ch === '"') {
        this.#quoted = false;
        this.#afterQuote = true;
      } else this.#cell += ch;
      return null;
    }
    if (ch === '"' && (this.#cell === '' || this.#afterQuote)) {
      if (this.#afterQuote) this.#cell += '"';
      this.#quoted = true;
      this.#afterQuote = false;
      return null;
    }
    this.#afterQuote = false;
    if (ch === '"') {
      this.#cell += ch;
      return null;
    }
    this.#cells.push(ch === '\n' && this.#cell.endsWith('\r') ? this.#cell.slice(0, -1) : this.#cell);
    this.#cell = '';
    return ch === '\n' ? this.#row(end) : null;
  }

  #row(end: number): CsvRow | null {
    const row = { line: this.#started, start: this.#start, end, cells: this.#cells };
    this.#cells = [];
    this.#started = this.#line;
    this.#start = end;
    return row.cells.length > 1 || row.cells[0] !== '' ? row : null;
  }

  /** The last row, where the text does not end with a line break. */
  end(): CsvRow[] {
    if (this.#quoted)
      throw new DataError('malformed', `the quoted cell that begins in row ${this.#started} does not end`);
    if (this.#cell === '' && this.#cells.length === 0) return [];
    this.#cells.push(this.#cell);
    this.#cell = '';
    const row = this.#row(this.#at);
    return row ? [row] : [];
  }
}
