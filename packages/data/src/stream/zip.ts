/** The directory of a ZIP file (PKWARE APPNOTE 6.3), read by position: where its entries lie. */
import { DataError } from '../errors.js';
import type { PositionalFile } from './file.js';

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  /** Where the packed bytes begin. */
  readonly start: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Largest directory that is read: tens of thousands of entries. */
const maxDirectory = 16 * 1024 * 1024;

/** Where the central directory lies (APPNOTE 4.3.16, and 4.3.14 for files of more than 4 GiB). */
async function directoryOf(file: PositionalFile): Promise<{ start: number; length: number }> {
  const tail = Math.min(file.size, 22 + 65_535);
  const bytes = await file.read(file.size - tail, tail);
  const view = viewOf(bytes);
  for (let at = bytes.length - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    const length = view.getUint32(at + 12, true);
    const start = view.getUint32(at + 16, true);
    if (start !== 0xffffffff && length !== 0xffffffff) return { start, length };
    if (at < 20 || view.getUint32(at - 20, true) !== 0x07064b50) break;
    const record = viewOf(await file.read(Number(view.getBigUint64(at - 20 + 8, true)), 56));
    if (record.getUint32(0, true) !== 0x06064b50) break;
    return { length: Number(record.getBigUint64(40, true)), start: Number(record.getBigUint64(48, true)) };
  }
  throw new DataError('malformed', `'${file.path}' has no ZIP directory`);
}

interface Listed {
  name: string;
  method: number;
  packed: number;
  size: number;
  header: number;
  next: number;
}

/** One record of the central directory (APPNOTE 4.3.12); sizes over 4 GiB are in the extra field 1 (4.5.3). */
function listed(bytes: Uint8Array, at: number, path: string): Listed {
  const view = viewOf(bytes);
  const broken = (): never => {
    throw new DataError('malformed', `'${path}' has a broken ZIP directory`);
  };
  if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) broken();
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => view.getUint16(at + o, true)) as [
    number,
    number,
    number,
  ];
  const extra = at + 46 + nameLength;
  const next = extra + extraLength + commentLength;
  if (next > bytes.length) broken();
  const long: { size: number; packed: number; header: number } = {
    size: view.getUint32(at + 24, true),
    packed: view.getUint32(at + 20, true),
    header: view.getUint32(at + 42, true),
  };
  for (let e = extra; e + 4 <= extra + extraLength; e += 4 + view.getUint16(e + 2, true)) {
    if (view.getUint16(e, true) !== 1) continue;
    let value = e + 4;
    for (const key of ['size', 'packed', 'header'] as const) {
      if (long[key] !== 0xffffffff) continue;
      if (value + 8 > next) broken();
      long[key] = Number(view.getBigUint64(value, true));
      value += 8;
    }
  }
  const name = Buffer.from(bytes.subarray(at + 46, extra)).toString('utf8');
  return { name, method: view.getUint16(at + 10, true), ...long, next };
}

/** @throws DataError `malformed`, or `too-large` for a directory of more than 16 MiB */
export async function zipEntries(file: PositionalFile): Promise<ZipEntry[]> {
  if (file.size < 22) throw new DataError('malformed', `'${file.path}' has no ZIP directory`);
  const directory = await directoryOf(file);
  if (directory.length > maxDirectory)
    throw new DataError('too-large', `'${file.path}' has a ZIP directory of ${directory.length} bytes`);
  const bytes = await file.read(directory.start, directory.length);
  const entries: ZipEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const { name, method, packed, size, header, next } = listed(bytes, at, file.path);
    // The local header repeats the name and has an extra field of its own length (APPNOTE 4.3.7).
    const local = viewOf(await file.read(header, 30));
    if (local.getUint32(0, true) !== 0x04034b50)
      throw new DataError('malformed', `'${file.path}': '${name}' has no local header`);
    const start = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    if (start + packed > file.size) throw new DataError('malformed', `'${file.path}': '${name}' is cut off`);
    entries.push({ name, method, packed, size, start });
    at = next;
  }
  return entries;
}
