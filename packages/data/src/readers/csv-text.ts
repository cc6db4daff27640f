/**
 * RFC 4180 text to rows: quoting, doubled quotes, line breaks within quotes, any one character between cells, or runs of
 * spaces and tabs. Lines end with a line feed, a carriage return or both, as pandas has it.
 */
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

/** How a text is cut into cells. */
export interface Splitting {
  /** One character, or `whitespace` for runs of spaces and tabs. */
  readonly delimiter: string;
  /** A row that begins with this character is none. */
  readonly comment?: string | undefined;
  /** Whether what follows the character within a row is a comment as well. */
  readonly inlineComments?: boolean | undefined;
}

/** UTF-8's byte order mark as latin1 shows it. */
const byteOrderMark = '\u00ef\u00bb\u00bf';

const [lineFeed, carriageReturn, quote, space, tab] = [10, 13, 34, 32, 9] as const;

/** Takes text in pieces, one character for each byte (latin1), so that offsets are offsets of bytes. */
export class CsvSplitter {
  /** Characters between cells; twice the same, where it is one. */
  readonly #separator: number;
  readonly #other: number;
  readonly #runs: boolean;
  readonly #comment: number;
  readonly #inline: boolean;
  #cells: string[] = [];
  #cell = '';
  #quoted = false;
  #afterQuote = false;
  /** Within a comment, which lasts until the line ends. */
  #commented = false;
  /** The last character was a carriage return that ended a row. */
  #returned = false;
  #line = 1;
  #started = 1;
  #at = 0;
  #start = 0;

  constructor({ delimiter, comment, inlineComments = false }: Splitting) {
    this.#runs = delimiter === 'whitespace';
    this.#separator = this.#runs ? space : delimiter.charCodeAt(0);
    this.#other = this.#runs ? tab : this.#separator;
    this.#comment = comment === undefined ? -1 : comment.charCodeAt(0);
    this.#inline = inlineComments;
  }

  /** The rows that end within the piece. */
  push(piece: string): CsvRow[] {
    const marked = this.#at === 0 && piece.startsWith(byteOrderMark);
    const text = marked ? piece.slice(byteOrderMark.length) : piece;
    if (marked) this.#at = this.#start = byteOrderMark.length;
    const rows: CsvRow[] = [];
    for (let i = 0; i < text.length;) {
      const plain = this.#plainUntil(text, i);
      if (plain > i) {
        if (!this.#commented) this.#cell += text.slice(i, plain);
        this.#afterQuote = this.#returned = false;
        i = plain;
      } else {
        const row = this.#special(text.charCodeAt(i), this.#at + i + 1);
        if (row) rows.push(row);
        i++;
      }
    }
    this.#at += text.length;
    return rows;
  }

  /** End of the run of characters from `from` on that mean only themselves. */
  #plainUntil(text: string, from: number): number {
    let i = from;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === lineFeed || code === quote) break;
      if (this.#quoted) continue;
      if (code === this.#separator || code === this.#other || code === carriageReturn || code === this.#comment) break;
    }
    return i;
  }

  #special(code: number, end: number): CsvRow | null {
    const after = this.#afterQuote;
    const returned = this.#returned;
    this.#afterQuote = this.#returned = false;
    const ends = code === lineFeed || code === carriageReturn;
    if (code === lineFeed && !returned) this.#line++;
    if (this.#quoted) return this.#inQuotes(code);
    if (code === lineFeed && returned) {
      // The second half of a line end: it belongs to the row before.
      this.#start = end;
      return null;
    }
    if (code === carriageReturn) {
      this.#line++;
      this.#returned = true;
    }
    if (ends) return this.#endOfLine(end, after);
    if (this.#commented) return null;
    if (code === quote) return this.#quote(after);
    if (code === this.#comment) return this.#beginComment(after);
    if (this.#runs && this.#cell === '' && !after) return null;
    this.#cells.push(this.#cell);
    this.#cell = '';
    return null;
  }

  #inQuotes(code: number): null {
    if (code === quote) {
      this.#quoted = false;
      this.#afterQuote = true;
    } else this.#cell += String.fromCharCode(code);
    return null;
  }

  #quote(after: boolean): null {
    if (after) this.#cell += '"';
    if (after || this.#cell === '') this.#quoted = true;
    else this.#cell += '"';
    return null;
  }

  #beginComment(after: boolean): null {
    const first = this.#cells.length === 0 && this.#cell === '' && !after;
    if (first || this.#inline) this.#commented = true;
    else this.#cell += String.fromCharCode(this.#comment);
    return null;
  }

  #endOfLine(end: number, after: boolean): CsvRow | null {
    const empty = this.#cell === '' && !after;
    // A comment takes the whole line, or ends a row; a run of spaces before the line's end opens no cell.
    const begun = this.#cells.length > 0 || !empty;
    if (begun && !(this.#runs && empty && this.#cells.length > 0)) this.#cells.push(this.#cell);
    this.#cell = '';
    this.#commented = false;
    return this.#row(end);
  }

  #row(end: number): CsvRow | null {
    const row = { line: this.#started, start: this.#start, end, cells: this.#cells };
    this.#cells = [];
    this.#started = this.#line;
    this.#start = end;
    return row.cells.length > 1 || (row.cells[0] ?? '').trim() !== '' ? row : null;
  }

  /** The last row, where the text does not end with a line break. */
  end(): CsvRow[] {
    if (this.#quoted)
      throw new DataError('malformed', `the quoted cell that begins in row ${this.#started} does not end`);
    const row = this.#endOfLine(this.#at, this.#afterQuote);
    return row ? [row] : [];
  }
}
