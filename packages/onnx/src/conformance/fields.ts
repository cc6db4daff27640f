/**
 * Test support: an independent reading of protobuf by a table of which fields are messages, to compare two encodings
 * field for field. Order of fields of different numbers, packing and length of varints are forms, not content.
 */
type Fields = Record<number, string>;

const entry: Fields = {};
/** Message fields, and `i` (varints), `f` (float32), `d` (float64) for repeated numbers that may be packed. */
const MESSAGES: Record<string, Fields> = {
  Model: { 7: 'Graph', 8: 'Opset', 14: 'Entry', 20: 'Training', 25: 'Function', 26: 'Devices' },
  Training: { 1: 'Graph', 2: 'Graph', 3: 'Entry', 4: 'Entry' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 14: 'Annotation', 15: 'Sparse', 16: 'Entry' },
  Annotation: { 2: 'Entry' },
  Node: { 5: 'Attribute', 9: 'Entry', 10: 'NodeDevices' },
  Attribute: {
    5: 'Tensor',
    6: 'Graph',
    7: 'f',
    8: 'i',
    10: 'Tensor',
    11: 'Graph',
    14: 'Type',
    15: 'Type',
    22: 'Sparse',
    23: 'Sparse',
  },
  Value: { 2: 'Type', 4: 'Entry' },
  Type: { 1: 'TensorType', 4: 'Element', 5: 'MapType', 7: 'Opaque', 8: 'TensorType', 9: 'Element' },
  TensorType: { 2: 'Shape' },
  Shape: { 1: 'Dimension' },
  Element: { 1: 'Type' },
  MapType: { 2: 'Type' },
  Tensor: { 1: 'i', 3: 'Segment', 4: 'f', 5: 'i', 7: 'i', 10: 'd', 11: 'i', 13: 'Entry', 16: 'Entry' },
  Sparse: { 1: 'Tensor', 2: 'Tensor', 3: 'i' },
  Function: { 7: 'Node', 9: 'Opset', 11: 'Attribute', 12: 'Value', 14: 'Entry' },
  NodeDevices: { 2: 'Sharding' },
  Sharding: { 2: 'i', 3: 'Group', 4: 'ShardedDim' },
  Group: { 2: 'i' },
  ShardedDim: { 2: 'SimpleDim' },
};

/** A canonical text of a message: equal texts are equal contents. */
export function fieldText(bytes: Uint8Array, message = 'Model'): string {
  const fields = MESSAGES[message] ?? entry;
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
    const field = tag >> 3;
    const kind = fields[field];
    const list = found.get(field) ?? [];
    found.set(field, list);
    if ((tag & 7) === 0) list.push(String(varint()));
    else if ((tag & 7) === 1) list.push(hex(8));
    else if ((tag & 7) === 5) list.push(hex(4));
    else {
      const length = Number(varint());
      const stop = at + length;
      if (kind === 'i') while (at < stop) list.push(String(varint()));
      else if (kind === 'f') while (at < stop) list.push(hex(4));
      else if (kind === 'd') while (at < stop) list.push(hex(8));
      else if (kind) list.push(`{${fieldText(bytes.subarray(at, stop), kind)}}`);
      else list.push(hex(length));
      at = stop;
    }
  }
  return [...found.entries()]
    .filter(([, list]) => list.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([field, list]) => `${field}:${list.join(',')}`)
    .join(';');
}
