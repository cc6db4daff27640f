/** Operators as models of one node, for the checks of the table. For tests. */
import { elementCount, float32, GraphBuilder, int, int64, type Attribute, type Model, type Tensor } from '@verge/onnx';
import { Random } from '../../random.js';
import type { Mode } from '../row.js';
import type { DifferentiableOp } from '../table.js';

export type Draw = (random: Random, count: number) => Float32Array;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Case {
  readonly op: DifferentiableOp;
  readonly text?: string;
  /** Float inputs that are moved: shape, and how values are drawn. null is an absent optional input. */
  readonly inputs: readonly (readonly [readonly number[], Draw] | Tensor | null)[];
  readonly attributes?: Attributes;
  readonly mode?: Mode;
  /** Number of outputs when there are several, and which of them are multiplied for the result; the first unless told. */
  readonly outputs?: number;
  readonly reads?: readonly number[];
  /** The result is no float and is cast to one. */
  readonly cast?: boolean;
  readonly opset?: number;
  readonly tolerance?: number;
  /** Half the distance of the two evaluations of a difference. */
  readonly step?: number;
  /** Inputs without a gradient, by index. */
  readonly fixed?: readonly number[];
}

export const uniform =
  (low: number, high: number): Draw =>
  (r, n) =>
    Float32Array.from({ length: n }, () => r.uniform(low, high));

/** Multiples of 0.3, shuffled and moved off 0: no two values and no kink at a multiple of 0.3 within reach of a step. */
export const spaced: Draw = (r, n) => Float32Array.from(r.permutation(n), (i) => (i - Math.floor(n / 2)) * 0.3 + 0.14);
export const smooth = uniform(-1.5, 1.5);
export const positive = uniform(0.5, 2);

export const list = (...values: number[]): Tensor => int64([values.length], values);
export const bools = (dims: readonly number[], ...values: number[]): Tensor => ({
  dtype: 'bool',
  dims,
  data: Uint8Array.from(values),
});

export const unary = (op: DifferentiableOp, draw: Draw = smooth, attributes: Attributes = {}, text?: string): Case => ({
  op,
  text,
  inputs: [[[3, 4], draw]],
  attributes,
});

/** A model of the case's node, values for its inputs, and the inputs to differentiate by. */
export function modelOf(c: Case): { model: Model; feeds: Record<string, Tensor>; wrt: string[] } {
  const b = new GraphBuilder();
  const random = new Random(5, c.op, c.text ?? '');
  const feeds: Record<string, Tensor> = {};
  const wrt: string[] = [];
  const names = c.inputs.map((input, i) => {
    if (input === null) return '';
    if ('dtype' in input) return b.initializer(`c${i}`, input);
    const [shape, draw] = input;
    feeds[`x${i}`] = float32(shape, draw(random, elementCount(shape)));
    if (!c.fixed?.includes(i)) wrt.push(`x${i}`);
    return b.input(`x${i}`, 'float32', shape);
  });
  const made = c.outputs ? b.node(c.op, names, c.attributes ?? {}, c.outputs) : [b.node(c.op, names, c.attributes)];
  const read = (c.reads ?? [0]).map((i) => made[i]!);
  let y = read.reduce((a, other) => b.node('Mul', [a, other]));
  if (c.cast) y = b.node('Cast', [y], { to: int(1) });
  b.output(y, 'float32', null);
  if (c.op === 'Dropout' && c.mode === 'train') feeds['step.dropout_seed'] = int64([], [77]);
  return { model: b.build({ opset: c.opset }), feeds, wrt };
}
