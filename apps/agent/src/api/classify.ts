/** Reading outputs as class scores: for the classification extension and for telemetry. */
import { float16Value, type Tensor } from '@verge/onnx';

export interface ScoreRows {
  data: ArrayLike<number>;
  rows: number;
  classes: number;
}

const scored = ['float32', 'float64', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'];

/** Whether elements of this type can be class scores. */
export const isScored = (dtype: string): boolean => scored.includes(dtype);

/** A numeric output as rows of class scores: the last axis is the classes, all before it samples. */
export function scoreRows(tensor: Tensor): ScoreRows | null {
  const { dtype, dims } = tensor;
  const classes = dims.at(-1) ?? 0;
  if (!isScored(dtype) || classes < 1) return null;
  // Halves are held as bit patterns.
  const data = dtype === 'float16' ? Float32Array.from(tensor.data as Uint16Array, float16Value) : tensor.data;
  return { data: data as ArrayLike<number>, rows: data.length / classes, classes };
}

/** Indices of the k largest scores of a row, largest first; of equal ones the first. */
export function topK({ data, classes }: ScoreRows, row: number, k: number): number[] {
  const from = row * classes;
  const order = Array.from({ length: classes }, (_, i) => i);
  return order.sort((a, b) => data[from + b]! - data[from + a]! || a - b).slice(0, k);
}

/**
 * Triton's classification extension: a BYTES tensor [..., k] of "score:index:label", without the label where there is none.
 */
export function classification(tensor: Tensor, k: number, labels: readonly string[]): Tensor | null {
  const scores = scoreRows(tensor);
  if (!scores) return null;
  const kept = Math.min(k, scores.classes);
  const data: string[] = [];
  for (let row = 0; row < scores.rows; row++) {
    for (const index of topK(scores, row, kept)) {
      const label = labels[index];
      const score = scores.data[row * scores.classes + index]!.toFixed(6);
      data.push(label === undefined ? `${score}:${index}` : `${score}:${index}:${label}`);
    }
  }
  return { dtype: 'string', dims: [...tensor.dims.slice(0, -1), kept], data };
}

/** The best class of a row and the probability it was given; logits are passed through softmax first. */
export function topOne({ data, classes }: ScoreRows, row: number): { index: number; confidence: number } {
  const from = row * classes;
  let best = 0;
  let sum = 0;
  let least = Infinity;
  for (let i = 0; i < classes; i++) {
    const value = data[from + i]!;
    if (value > data[from + best]!) best = i;
    sum += value;
    least = Math.min(least, value);
  }
  const top = data[from + best]!;
  if (least >= 0 && Math.abs(sum - 1) < 1e-3) return { index: best, confidence: top };
  let normalizer = 0;
  for (let i = 0; i < classes; i++) normalizer += Math.exp(data[from + i]! - top);
  return { index: best, confidence: 1 / normalizer };
}
