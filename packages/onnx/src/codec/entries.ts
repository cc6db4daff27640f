/** StringStringEntryProto: lists of key-value pairs that stand for maps. */
import { OnnxError } from '../errors.js';
import { BYTES, type Reader } from './wire.js';
import type { Writer } from './writer.js';

/** Reads one pair into `map`; keys must be distinct (onnx.proto). */
export function readEntry(reader: Reader, map: Map<string, string>, where: string): void {
  let key = '';
  let value = '';
  reader.nested((r) =>
    r.fieldsOnly(where, (field, wire) => {
      if (wire !== BYTES) return false;
      if (field === 1) key = r.string();
      else if (field === 2) value = r.string();
      else return false;
      return true;
    }),
  );
  if (map.has(key)) throw new OnnxError('duplicate-name', `key ${JSON.stringify(key)} occurs twice in ${where}`);
  map.set(key, value);
}

export function writeEntries(writer: Writer, field: number, map: ReadonlyMap<string, string> | undefined): void {
  if (!map) return;
  for (const [key, value] of map) {
    writer.message(field, () => {
      writer.string(1, key);
      writer.string(2, value);
    });
  }
}
