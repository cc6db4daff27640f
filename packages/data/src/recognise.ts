/** Which format a file or folder has, by its content; a name's ending decides only where the content is plain text. */
import { readdir } from 'node:fs/promises';
import { DatasetFormat } from '@verge/contracts';
import { headOf } from './bytes.js';
import { DataError } from './errors.js';
import { idxImagesIn } from './readers/idx.js';
import { listFiles } from './readers/class-folders.js';
import type { FileNames } from './readers/file-names.js';
import { isImageName } from './readers/image-folder.js';
import { findArrays } from './readers/array-names.js';
import { npyFilesOf } from './readers/npy.js';
import type { OpenOptions } from './readers/options.js';
import { parquetFilesIn } from './readers/parquet.js';
import { seriesFilesIn } from './readers/series.js';
import { markedEncoding } from './readers/text-encoding.js';
import { isWavName } from './readers/wav-folder.js';

function isUtf8(head: Uint8Array): boolean {
  try {
    // The head may end within a character; streaming leaves that open.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** The head of a text as characters, whatever its encoding is; null where it is no text. */
function textOf(head: Uint8Array): string | null {
  const utf16 = markedEncoding(head);
  if (utf16) return new TextDecoder(utf16).decode(head.subarray(0, head.length - (head.length % 2)));
  // Other bytes than ASCII may be of UTF-8 or of Latin-1: which of them is found when the rows are read.
  const control = (byte: number): boolean => byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13;
  if (head.length === 0 || head.some(control)) return null;
  const letters = head.reduce((n, byte) => n + (byte > 0x20 && byte < 0x7f ? 1 : 0), 0);
  return 2 * letters >= head.length || isUtf8(head) ? Buffer.from(head).toString('latin1') : null;
}

async function ofFolder(path: string, names: FileNames | undefined): Promise<DatasetFormat> {
  if ((await idxImagesIn(path)).length > 0) return 'idx';
  if ((await seriesFilesIn(path)).length > 0) return 'ts';
  const arrays = await npyFilesOf(path, true);
  if (findArrays(path, arrays.keys())) return 'npy';
  if ((await parquetFilesIn(path)).length > 0) return 'parquet';
  if ((await listFiles(path, isImageName, names)).entries.length > 0) return 'image-folder';
  if ((await listFiles(path, isWavName, names)).entries.length > 0) return 'wav-folder';
  const lying = (await readdir(path)).filter((name) => isImageName(name) || isWavName(name)).length;
  const hint =
    lying > 0
      ? `; ${lying} images or recordings lie in it: 'names' in a dataset.json says how their names give classes`
      : '';
  throw new DataError(
    'unknown-format',
    `'${path}' holds no IDX pair, no x.npy, no .ts file, no Parquet file, no dataset.json and no class folders of images or WAV files${hint}`,
  );
}

/**
 * @param options what is said of it: that it has an encoding, say, means that it is text
 * @throws DataError `unknown-format` naming the formats that exist
 */
export async function recognise(path: string, isFolder: boolean, options: OpenOptions = {}): Promise<DatasetFormat> {
  if (isFolder) return ofFolder(path, options.names);
  const head = await headOf(path);
  if (head[0] === 0x50 && head[1] === 0x4b) return 'npz';
  if (head[0] === 0x93 && Buffer.from(head.subarray(1, 6)).toString('latin1') === 'NUMPY') return 'npy';
  if (Buffer.from(head.subarray(0, 4)).toString('latin1') === 'PAR1') return 'parquet';
  if (head[0] === 0 && head[1] === 0 && (head[2] ?? 0) >= 8 && (head[2] ?? 0) <= 14) return 'idx';
  const text = textOf(head);
  if (text !== null) {
    if (/\.ts(\.gz)?$/i.test(path)) return 'ts';
    if (/[,;\t|]|[^\s] +[^\s]/.test(text)) return 'csv';
  }
  if (options.encoding !== undefined || options.delimiter !== undefined) return 'csv';
  throw new DataError(
    'unknown-format',
    `'${path}' is none of ${DatasetFormat.options.join(', ')}; name the format if it is one of them`,
  );
}
