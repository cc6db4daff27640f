/** Test support: the ONNX backend archives and every model under `VERGE_DATA`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface ArchivedFile {
  path: string;
  bytes: Uint8Array;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '');

/** The files of a ustar archive (POSIX.1-1988), with GNU long names. */
export function readTarGz(file: string): ArchivedFile[] {
  const tar = gunzipSync(readFileSync(file));
  const found: ArchivedFile[] = [];
  let longName: string | null = null;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + 512);
    const size = parseInt(text(header.subarray(124, 136)), 8);
    const body = tar.subarray(at + 512, at + 512 + size);
    const type = String.fromCharCode(header[156]!);
    const prefix = text(header.subarray(345, 500));
    const name: string = longName ?? (prefix ? `${prefix}/` : '') + text(header.subarray(0, 100));
    if (type === 'L') longName = text(body);
    else {
      longName = null;
      if (type === '0' || type === '\0') found.push({ path: name, bytes: body });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

/** The data folder, or null with a note of what is skipped. */
export function dataFolder(what: string): string | null {
  const folder = process.env['VERGE_DATA'];
  if (!folder) console.log(`VERGE_DATA is not set: skipping ${what}`);
  return folder ?? null;
}

export function nodeCases(folder: string): ArchivedFile[] {
  return readTarGz(join(folder, 'onnx-conformance', 'onnx-v1.22.0-backend-node.tar.gz'));
}

export function lightCases(folder: string): ArchivedFile[] {
  return readTarGz(join(folder, 'onnx-conformance', 'onnx-HEAD-backend-simple-light-pytorch.tar.gz'));
}

/** Every .onnx file in the tree. */
export function looseModels(folder: string): ArchivedFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.onnx'))
    .sort()
    .map((path) => ({ path, bytes: readFileSync(join(folder, path)) }));
}
