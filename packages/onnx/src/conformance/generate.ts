/** Test support: random models that use every field of the schema, encoded canonically without the codec under test. */
import { isMessage, SCHEMA, type Field } from './schema.js';

/** AttributeProto.type of each value field. */
const ATTRIBUTE_TYPES: Readonly<Record<string, number>> = {
  f: 1,
  i: 2,
  s: 3,
  t: 4,
  g: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse_tensor: 11,
  sparse_tensors: 12,
  tp: 13,
  type_protos: 14,
};

type Value = number | Buffer;
type Content = Partial<Record<string, Value | Value[]>>;

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};

const scalar = (type: string, value: Value): Buffer => {
  if (type === 'int') return varint(value as number);
  if (type !== 'float' && type !== 'double') return Buffer.concat([varint((value as Buffer).length), value as Buffer]);
  const bytes = Buffer.alloc(type === 'float' ? 4 : 8);
  if (type === 'float') bytes.writeFloatLE(value as number);
  else bytes.writeDoubleLE(value as number);
  return bytes;
};

const WIRES: Readonly<Record<string, number>> = { int: 0, double: 1, float: 5 };

function encode(message: string, content: Content): Buffer {
  const parts: Buffer[] = [];
  for (const { number, type, name, packed } of SCHEMA.get(message)!) {
    const held = content[name];
    if (held === undefined) continue;
    const values = Array.isArray(held) ? held : [held];
    if (packed) {
      if (values.length === 0) continue;
      const body = Buffer.concat(values.map((v) => scalar(type, v)));
      parts.push(varint(number * 8 + 2), varint(body.length), body);
    } else for (const v of values) parts.push(varint(number * 8 + (WIRES[type] ?? 2)), scalar(type, v));
  }
  return Buffer.concat(parts);
}

export class Generator {
  private serial = 0;
  /** Fields that were written at least once, as `Message.field`. */
  readonly used = new Set<string>();

  /** @param random numbers in 0..1 */
  constructor(private readonly random: () => number) {}

  model(): Buffer {
    return this.message('Model', 0);
  }

  private pick(count: number): number {
    return Math.floor(this.random() * count);
  }

  private chance(p: number): boolean {
    return this.random() < p;
  }

  /** Names that must be unique are; others may be stated and empty. */
  private text(unique: boolean): Buffer {
    if (!unique && this.chance(0.25)) return Buffer.alloc(0);
    return Buffer.from(['a', 'ö', 'a long name, '.repeat(5)][this.pick(3)]! + this.serial++);
  }

  private value(type: string, depth: number, unique = false): Value {
    if (isMessage(type)) return this.message(type, depth + 1);
    if (type === 'string') return this.text(unique);
    if (type === 'bytes') return Buffer.from([[], [0xff, 1], [65, 66]][this.pick(3)]!);
    if (type === 'float' || type === 'double') return Math.fround(this.random() * 4 - 2);
    return [0, this.pick(300), -this.pick(1000), 2 ** 40 + this.pick(9)][this.pick(4)]!;
  }

  private message(type: string, depth: number): Buffer {
    const content =
      type === 'Tensor' ? this.tensor() : type === 'Attribute' ? this.attribute(depth) : this.any(type, depth);
    for (const name of Object.keys(content)) this.used.add(`${type}.${name}`);
    return encode(type, content);
  }

  /** A message of fields that are independent of each other, but for what onnx.proto requires. */
  private any(type: string, depth: number): Content {
    const content: Content = {};
    let chosen = false;
    for (const field of SCHEMA.get(type)!) {
      if (field.oneof && (chosen || this.chance(0.6))) continue;
      if (depth > 8 && isMessage(field.type) && !required(type, field)) continue;
      if (!field.oneof && !required(type, field) && this.chance(0.5)) continue;
      chosen ||= field.oneof;
      content[field.name] = this.field(type, field, depth);
    }
    return content;
  }

  private field(type: string, field: Field, depth: number): Value | Value[] {
    if (field.name === 'elem_type' && field.type === 'int') return this.pick(27);
    if (field.name === 'key_type') return 7;
    if (type === 'Sparse' && field.name === 'dims') return Array.from({ length: this.pick(3) }, () => this.pick(9));
    if (['num_devices', 'pipeline_stage'].includes(field.name)) return this.pick(9) - 1;
    const unique = type === 'Entry' || type === 'Opset' || type === 'Value';
    if (!field.repeated) return this.value(field.type, depth, unique);
    return Array.from({ length: this.pick(3) }, () => this.value(field.type, depth, unique));
  }

  private attribute(depth: number): Content {
    const content: Content = { name: this.text(true) };
    if (this.chance(0.2)) content['doc_string'] = this.text(false);
    const deep = depth > 6;
    const kinds = Object.keys(ATTRIBUTE_TYPES).filter((k) => !deep || !['g', 'graphs'].includes(k));
    const kind = kinds[this.pick(kinds.length)]!;
    content['type'] = ATTRIBUTE_TYPES[kind]!;
    if (this.chance(0.1)) return { ...content, ref_attr_name: this.text(true) };
    const { type, repeated } = SCHEMA.get('Attribute')!.find((f) => f.name === kind)!;
    const one = (): Value => this.value(type, depth);
    return { ...content, [kind]: repeated ? Array.from({ length: this.pick(3) }, one) : one() };
  }

  /** A tensor whose data fit its shape, in one of the ways to store them. */
  private tensor(): Content {
    const dims = Array.from({ length: this.pick(3) }, () => this.pick(4));
    const whole = dims.reduce((p, d) => p * d, 1);
    const content: Content = { dims, name: this.text(true) };
    if (this.chance(0.2)) content['doc_string'] = this.text(false);
    if (this.chance(0.2)) content['metadata_props'] = [this.message('Entry', 9)];
    let count = whole;
    if (this.chance(0.1)) {
      count = this.pick(whole + 1);
      content['segment'] = encode('Segment', { begin: whole - count, end: whole });
      this.used.add('Segment.begin').add('Segment.end');
    }
    const fill = (type: string): Value[] => Array.from({ length: count }, () => this.value(type, 9));
    const small = (): number[] => Array.from({ length: count }, () => this.pick(100));
    const texts = (): Buffer[] => Array.from({ length: count }, () => this.text(false));
    const entry = (key: string, value: string): Buffer =>
      encode('Entry', { key: Buffer.from(key), value: Buffer.from(value) });
    const stores: (() => Content)[] = [
      () => ({ data_type: 1, raw_data: Buffer.alloc(count * 4, 7) }),
      () => ({ data_type: 1, float_data: fill('float') }),
      () => ({ data_type: 3, int32_data: small() }),
      () => ({ data_type: 7, int64_data: fill('int') }),
      () => ({ data_type: 8, string_data: texts() }),
      () => ({ data_type: 11, double_data: fill('double') }),
      () => ({ data_type: 13, uint64_data: fill('int') }),
      () => ({ data_type: 10, raw_data: Buffer.alloc(count * 2, 1), data_location: 0 }),
      () => ({
        data_type: 1,
        data_location: 1,
        external_data: [entry('length', '0012'), entry('location', 'w.bin'), entry('basepath', 'x')],
      }),
    ];
    return { ...content, ...stores[this.pick(stores.length)]!() };
  }
}

/** Fields without which onnx.proto gives a message no meaning. */
function required(type: string, field: Field): boolean {
  if (['Element', 'MapType', 'Entry'].includes(type)) return true;
  if (type === 'Sparse') return field.name !== 'dims';
  return (type === 'Model' && field.name === 'graph') || (['Opset', 'Value'].includes(type) && field.number === 1);
}
