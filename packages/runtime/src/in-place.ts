/**
 * Runs whose outputs are copied by nobody. The JavaScript binding of ONNX Runtime copies every output into a new ArrayBuffer after
 * the run, also those that the executor has written to their place already: of 226 MB of training state that is 70 of 100 CPU ms,
 * and as much memory again. It hands over tensors alone, and refuses an output of another kind after the run, when it comes to it.
 * So a model is given an empty sequence (SequenceEmpty-11) as its first output: where all others have their places, the refusal
 * says that they are written. A small model shows once whether the binding in use is of this kind; if not, it copies.
 */
import type { InferenceSession } from 'onnxruntime-node';
import { messageOf } from './errors.js';
import { loadOrt, type Ort } from './ort.js';

/** The output that is never handed over. */
export const HALT = 'verge.halt';

/** Larger messages are left as they are, since they are copied to get the output. */
const LARGEST_MESSAGE = 2 ** 28;

// Protocol Buffers, "Encoding": a field of bytes is its number and wire type 2, the length, the bytes; of a whole number, wire type 0.
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
const bytes = (field: number, content: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, value: string): number[] => bytes(field, [...new TextEncoder().encode(value)]);
const whole = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];

// onnx.proto: ModelProto.graph 7; GraphProto.node 1, name 2, input 11, output 12; NodeProto.input 1, output 2, op_type 4;
// ValueInfoProto.name 1, type 2; TypeProto.tensor_type 1, sequence_type 4; both elem_type 1; TensorProto.FLOAT is 1.
const GRAPH = 7;
const FLOAT = [...bytes(2, bytes(1, whole(1, 1)))];
const haltParts = [
  ...bytes(1, [...text(2, HALT), ...text(4, 'SequenceEmpty')]),
  ...bytes(12, [...text(1, HALT), ...bytes(2, bytes(4, bytes(1, bytes(1, whole(1, 1)))))]),
];

/** The message with the output before all others: parts of a message that come twice are merged, lists one behind the other. */
export function withHalt(model: Uint8Array): Uint8Array {
  if (model.byteLength > LARGEST_MESSAGE) return model;
  const first = bytes(GRAPH, haltParts);
  const both = new Uint8Array(first.length + model.byteLength);
  both.set(first);
  both.set(model, first.length);
  return both;
}

/** y = -x for one number: ModelProto.ir_version 1, opset_import 8 with version 2. */
const PROBE = Uint8Array.from([
  ...whole(1, 8),
  ...bytes(8, whole(2, 17)),
  ...bytes(GRAPH, [
    ...bytes(1, [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')]),
    ...text(2, 'probe'),
    ...bytes(11, [...text(1, 'x'), ...FLOAT]),
    ...bytes(12, [...text(1, 'y'), ...FLOAT]),
  ]),
]);

/** What the binding says when it comes to the output, where it has written the others then; undefined where it does otherwise. */
async function probe(ort: Ort): Promise<string | undefined> {
  let session: InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(withHalt(PROBE), { logSeverityLevel: 4 });
    const y = new ort.Tensor('float32', new Float32Array(1), [1]);
    const x = new ort.Tensor('float32', Float32Array.of(3), [1]);
    const said = await session.run({ x }, { [HALT]: null, y }).then(() => undefined, messageOf);
    return y.data[0] === -3 ? said : undefined;
  } catch {
    return undefined;
  } finally {
    await session?.release();
  }
}

let probing: Promise<string | undefined> | undefined;

/** The words of the refusal that says that all other outputs are written; undefined where the binding has none such. */
export function refusalOfHalt(): Promise<string | undefined> {
  probing ??= loadOrt().then(probe);
  return probing;
}
