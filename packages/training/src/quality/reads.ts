/** What the numbers of an output are: as numbers, as scores of classes, as labels. */
import {
  attrInt,
  bfloat16Value,
  float16Value,
  opsetVersion,
  type DataType,
  type Model,
  type Tensor,
} from '@verge/onnx';

export type Numbers = Float32Array | Float64Array;

/** The elements as floating-point numbers; null where they are labels: whole numbers, truth values, texts. */
export function numbersOf(tensor: Tensor): Numbers | null {
  if (tensor.dtype === 'float32' || tensor.dtype === 'float64') return tensor.data;
  if (tensor.dtype === 'float16') return Float32Array.from(tensor.data, float16Value);
  return tensor.dtype === 'bfloat16' ? Float32Array.from(tensor.data, bfloat16Value) : null;
}

const floats: readonly DataType[] = ['float32', 'float64', 'float16', 'bfloat16'];
export const isFloat = (dtype: string): boolean => (floats as readonly string[]).includes(dtype);

/** Operators that hand their input on unchanged in inference; exporters leave them behind a Softmax. */
const transparent = new Set(['Identity', 'Dropout', 'Cast', 'QuantizeLinear', 'DequantizeLinear']);

/** The Softmax or LogSoftmax that an output ends in: its axis, as ONNX counts it (until opset 12 that and all behind it). */
export function softmaxAxis(model: Model, output: string): { output: string; axis: number } | null {
  const makers = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let node = makers.get(output);
  while (node && node.domain === '' && transparent.has(node.op)) node = makers.get(node.inputs[0] ?? '');
  if (!node || node.domain !== '' || (node.op !== 'Softmax' && node.op !== 'LogSoftmax')) return null;
  return { output, axis: attrInt(node, 'axis', (opsetVersion(model) ?? 1) < 13 ? 1 : -1) };
}

/** Where the classes of an output lie: `classes` numbers, `stride` apart, for each of the positions of a sample. */
export interface ClassAxis {
  readonly classes: number;
  readonly stride: number;
}

/** @param dims of the whole output, batch first; an axis from 1 on, or negative from the end */
export function classAxis(dims: readonly number[], axis: number): ClassAxis | null {
  const at = axis < 0 ? dims.length + axis : axis;
  const classes = dims[at];
  if (at < 1 || classes === undefined || classes < 2) return null;
  return { classes, stride: dims.slice(at + 1).reduce((a, b) => a * b, 1) };
}

/** Calls `visit` with the place of the first class of each position, position by position. */
export function eachRow(
  count: number,
  { classes, stride }: ClassAxis,
  visit: (from: number, row: number) => void,
): void {
  const block = classes * stride;
  for (let base = 0, row = 0; base < count; base += block)
    for (let at = 0; at < stride; at++, row++) visit(base + at, row);
}

/** The class of the largest score at a place, the first of equals; -1 where one is NaN. */
export function largestAt(scores: ArrayLike<number>, from: number, { classes, stride }: ClassAxis): number {
  let best = 0;
  for (let c = 0; c < classes; c++) {
    const score = scores[from + c * stride]!;
    if (Number.isNaN(score)) return -1;
    if (score > scores[from + best * stride]!) best = c;
  }
  return best;
}

/** Whether all numbers are 0 to 1 and those of each position sum up to 1: probabilities, no logits. */
export function areProbabilities(scores: ArrayLike<number>, axis: ClassAxis): boolean {
  let yes = scores.length > 0;
  eachRow(scores.length, axis, (from) => {
    let sum = 0;
    for (let c = 0; yes && c < axis.classes; c++) {
      const score = scores[from + c * axis.stride]!;
      if (!(score >= -1e-6 && score <= 1 + 1e-6)) yes = false;
      sum += score;
    }
    // float16 and int8 round each of them.
    if (Math.abs(sum - 1) > 0.02) yes = false;
  });
  return yes;
}

/** Natural logarithms of the probabilities of one position. */
export function logProbabilities(
  scores: ArrayLike<number>,
  from: number,
  { classes, stride }: ClassAxis,
  probabilities: boolean,
  into: Float64Array,
): void {
  let [peak, sum] = [-Infinity, 0];
  for (let c = 0; c < classes; c++) {
    const score = scores[from + c * stride]!;
    // A probability that was rounded to 0 has no logarithm; that of the smallest normal float32 stands for it.
    into[c] = probabilities ? Math.log(Math.max(score, 1.1754943508222875e-38)) : score;
    peak = Math.max(peak, into[c]!);
  }
  for (let c = 0; c < classes; c++) sum += Math.exp(into[c]! - peak);
  const total = peak + Math.log(sum);
  for (let c = 0; c < classes; c++) into[c]! -= total;
}
