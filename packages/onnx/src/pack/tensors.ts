/** Where the elements of tensors lie in the bytes of a model. Only packing needs it, and a file that is no model has none. */

export interface TensorPlace {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  /** Bytes of an element; 0.5 where two share a byte. */
  readonly width: number;
}

/** Bytes of an element by TensorProto.DataType (ONNX 1.22, onnx.proto); what is not here is taken byte by byte. */
const WIDTHS: Readonly<Record<number, number>> = {
  1: 4,
  4: 2,
  5: 2,
  6: 4,
  7: 8,
  10: 2,
  11: 8,
  12: 4,
  13: 8,
  14: 4,
  15: 8,
  16: 2,
  21: 0.5,
  22: 0.5,
  23: 0.5,
};

/** Tensors below this many bytes are left in the rest of the file. */
const LEAST = 48;
/** Graphs in graphs; deeper ones are no concern of a packer. */
const DEEPEST = 20;

interface Field {
  readonly id: number;
  /** Where its content lies; of a number, where it begins. */
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** The fields of a protobuf message; null where the bytes are none. */
function fieldsOf(bytes: Uint8Array, from: number, to: number): Field[] | null {
  const fields: Field[] = [];
  let pos = from;
  const number = (): number => {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10 && pos < to; i++) {
      const byte = bytes[pos++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    return Number.NaN;
  };
  while (pos < to) {
    const tag = number();
    const [id, wire] = [Math.floor(tag / 8), tag % 8];
    const begin = pos;
    const value = wire === 0 || wire === 2 ? number() : 0;
    const start = wire === 0 ? begin : pos;
    if (wire === 2) pos += value;
    else if (wire === 1) pos += 8;
    else if (wire === 5) pos += 4;
    else if (wire !== 0) return null;
    if (!(id > 0) || Number.isNaN(value) || pos > to) return null;
    fields.push({ id, from: start, to: pos, value });
  }
  return fields;
}

/** Field numbers of onnx.proto: those of messages that hold tensors, and of what else a tensor is known by. */
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5 };
const NODE = { output: 2, attribute: 5 };
const ATTRIBUTE = { tensor: 5, graph: 6 };
const TENSOR = { type: 2, floats: 4, name: 8, raw: 9 };

const text = new TextDecoder('latin1');

class Places {
  readonly found: TensorPlace[] = [];
  constructor(private readonly bytes: Uint8Array) {}

  fields(from: number, to: number): Field[] {
    return fieldsOf(this.bytes, from, to) ?? [];
  }

  #tensor(from: number, to: number, fallback: string): void {
    const fields = this.fields(from, to);
    const type = fields.find(({ id }) => id === TENSOR.type)?.value ?? 0;
    const named = fields.find(({ id }) => id === TENSOR.name);
    const name = named && named.to > named.from ? text.decode(this.bytes.subarray(named.from, named.to)) : fallback;
    for (const field of fields) {
      if (field.id !== TENSOR.raw && field.id !== TENSOR.floats) continue;
      const width = field.id === TENSOR.floats ? 4 : (WIDTHS[type] ?? 1);
      const length = field.to - field.from;
      if (length >= LEAST && length % Math.max(1, width) === 0)
        this.found.push({ name, offset: field.from, length, width });
    }
  }

  graph(from: number, to: number, depth = 0): void {
    if (depth > DEEPEST) return;
    for (const field of this.fields(from, to)) {
      if (field.id === GRAPH.initializer) this.#tensor(field.from, field.to, '');
      if (field.id !== GRAPH.node) continue;
      const parts = this.fields(field.from, field.to);
      const output = parts.find(({ id }) => id === NODE.output);
      const name = output ? text.decode(this.bytes.subarray(output.from, output.to)) : '';
      for (const attribute of parts.filter(({ id }) => id === NODE.attribute))
        for (const inner of this.fields(attribute.from, attribute.to)) {
          if (inner.id === ATTRIBUTE.tensor) this.#tensor(inner.from, inner.to, name);
          else if (inner.id === ATTRIBUTE.graph) this.graph(inner.from, inner.to, depth + 1);
        }
    }
  }
}

/** In the order of the file, none within another. */
export function tensorPlaces(bytes: Uint8Array): TensorPlace[] {
  const places = new Places(bytes);
  for (const { id, from, to } of places.fields(0, bytes.length)) if (id === MODEL.graph) places.graph(from, to);
  return places.found.sort((a, b) => a.offset - b.offset).filter((p, i, all) => i === 0 || p.offset >= all[i - 1]!.offset + all[i - 1]!.length); // prettier-ignore
}
