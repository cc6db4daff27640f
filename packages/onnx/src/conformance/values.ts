/** Test support: SequenceProto and OptionalProto of the stored test data, which are no part of a model (onnx-data.proto). */
import { decodeTensor } from '../index.js';
import type { Tensor, ValueType } from '../index.js';

/** A stored value of any kind. */
export type Stored =
  | { kind: 'tensor'; tensor: Tensor }
  | { kind: 'sequence'; items: Stored[] }
  /** null is an empty optional. */
  | { kind: 'optional'; item: Stored | null };

/** Fields of a message that holds messages and small numbers only, by field number. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const found = new Map<number, (Uint8Array | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const b = bytes[at++]!;
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const list = found.get(tag >> 3) ?? [];
    found.set(tag >> 3, list);
    const value = varint();
    if ((tag & 7) === 0) list.push(value);
    else list.push(bytes.subarray(at, (at += value)));
  }
  return found;
}

const tensorOf = (bytes: Uint8Array): Stored => {
  const { value } = decodeTensor(bytes);
  if ('external' in value) throw new Error('test data are not external');
  return { kind: 'tensor', tensor: value };
};

/** The bytes of a test file as a value of the kind that the model declares for it. */
export function decodeStored(bytes: Uint8Array, kind: ValueType['kind']): Stored {
  if (kind !== 'sequence' && kind !== 'optional') return tensorOf(bytes);
  const fields = fieldsOf(bytes);
  const messages = (field: number): Uint8Array[] => (fields.get(field) ?? []) as Uint8Array[];
  // tensor_values (3), sequence_values (5), optional_values (7), and the same numbers for the one value of an optional.
  const items = [
    ...messages(3).map(tensorOf),
    ...messages(5).map((b) => decodeStored(b, 'sequence')),
    ...messages(7).map((b) => decodeStored(b, 'optional')),
  ];
  return kind === 'sequence' ? { kind, items } : { kind, item: items[0] ?? null };
}
