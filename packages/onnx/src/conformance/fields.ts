/**
 * Test support: an independent reading of protobuf by the schema, to compare two encodings field for field. Order of
 * fields of different numbers, packing and the length of varints are forms, not content.
 */
import { isMessage, SCHEMA } from './schema.js';

const PACKED: Readonly<Record<string, number>> = { int: 0, float: 4, double: 8 };

/** A canonical text of a message: equal texts are equal contents. */
export function fieldText(bytes: Uint8Array, message = 'Model'): string {
  const fields = new Map(SCHEMA.get(message)!.map((f) => [f.number, f]));
  const found = new Map<number, string[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = bytes[at++]!;
      value |= BigInt(b & 127) << shift;
      if (b < 128) return value;
    }
  };
  const hex = (length: number): string => {
    at += length;
    return Buffer.from(bytes.subarray(at - length, at)).toString('hex');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    const field = fields.get(number);
    const list = found.get(number) ?? [];
    found.set(number, list);
    if ((tag & 7) === 0) list.push(String(varint()));
    else if ((tag & 7) === 1) list.push(hex(8));
    else if ((tag & 7) === 5) list.push(hex(4));
    else {
      const length = Number(varint());
      const stop = at + length;
      const width = field?.repeated ? PACKED[field.type] : undefined;
      if (width !== undefined) while (at < stop) list.push(width === 0 ? String(varint()) : hex(width));
      else if (field && isMessage(field.type)) list.push(`{${fieldText(bytes.subarray(at, stop), field.type)}}`);
      else list.push(hex(length));
      at = stop;
    }
  }
  return [...found.entries()]
    .filter(([, list]) => list.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([number, list]) => `${number}:${list.join(',')}`)
    .join(';');
}
