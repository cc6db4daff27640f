/** The characters of a text file whose bytes are read one by one. */
import { Transform } from 'node:stream';
import { DataError } from '../errors.js';

export const textEncodings = ['utf-8', 'latin-1', 'windows-1252', 'utf-16le', 'utf-16be'] as const;
export type TextEncoding = (typeof textEncodings)[number];

/** The encoding that a byte order mark says; null without one. */
export function markedEncoding(head: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : null;
}

/** UTF-16 to UTF-8, piece by piece. */
export function fromUtf16(encoding: 'utf-16le' | 'utf-16be'): Transform {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (chunk: Buffer | undefined, done: (error: Error | null, text?: Buffer) => void): void => {
    try {
      done(null, Buffer.from(chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()));
    } catch {
      done(new DataError('malformed', `it is no ${encoding}`));
    }
  };
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => decode(chunk, done),
    flush: (done) => decode(undefined, done),
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Characters 0x80 to 0x9f of Windows-1252, where Latin-1 has none (WHATWG Encoding, index windows-1252); Node's decoder takes them for Latin-1. */
const windows =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/**
 * Decodes cells that stand as one character for each byte. Where no encoding is given the first cell that is not ASCII decides
 * between UTF-8 and Latin-1, and the rest must agree with it.
 */
export class CellText {
  #found: 'utf-8' | 'latin-1' | 'windows-1252' | undefined;

  constructor(
    private readonly path: string,
    private readonly given?: TextEncoding | undefined,
  ) {
    // UTF-16 has become UTF-8 before it is cut into cells.
    this.#found = given?.startsWith('utf-16') ? 'utf-8' : (given as 'utf-8' | undefined);
  }

  get notes(): string[] {
    return this.given === undefined && this.#found === 'latin-1'
      ? ['its text is no UTF-8 and is taken for latin-1; encoding: says otherwise']
      : [];
  }

  /** @throws DataError `undecided` naming the option that decides, where the bytes are none of the two throughout */
  decode(cell: string): string {
    if (!/[\u0080-\u00ff]/.test(cell)) return cell;
    if (this.#found === 'windows-1252')
      return cell.replaceAll(/[\u0080-\u009f]/g, (char) => windows[char.charCodeAt(0) - 0x80] as string);
    const text = utf8Text(Buffer.from(cell, 'latin1'));
    const fits = text === null ? 'latin-1' : 'utf-8';
    if (this.given === 'latin-1') return cell;
    if (this.#found === undefined && text === null && /[\u0080-\u009f]/.test(cell)) this.#ask(cell);
    this.#found ??= fits;
    if (this.#found !== fits) this.#ask(cell);
    return text ?? cell;
  }

  #ask(cell: string): never {
    const why =
      this.#found === 'latin-1'
        ? 'looks like UTF-8, but text before it is latin-1'
        : `is no UTF-8${this.given === undefined && this.#found === undefined ? ', and no plain latin-1' : ''}`;
    throw new DataError(
      'undecided',
      `'${this.path}': the text '${cell.slice(0, 40)}' ${why}; say encoding: ${textEncodings.join(', ')}`,
    );
  }
}

function utf8Text(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
