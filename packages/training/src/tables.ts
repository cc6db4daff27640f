/** Constants that were computed, by their values: masks, grids, and tables of sines. Nobody learns such numbers. */
import { elementCount } from '@verge/onnx';

/** From here on a number hides something from a Softmax rather than shift it. */
const HIDING = 1e4;

/** Rows that a table must have before a recurrence says anything. */
const FEWEST_ROWS = 6;

/** By how much of a table's range a recurrence may be missed: tables are computed and stored in single precision. */
const TOLERANCE = 1e-3;

/**
 * Whether every column along an axis is a sampled sine (or a ramp): v[t+1] + v[t-1] is the same multiple, from -2 to 2, of v[t]
 * for all t. Learned numbers are not.
 */
function isPeriodic(dims: readonly number[], values: Float32Array, axis: number): boolean {
  const rows = dims[axis]!;
  if (rows < FEWEST_ROWS) return false;
  const inner = elementCount(dims.slice(axis + 1));
  const outer = elementCount(dims.slice(0, axis));
  const [least, most] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  let moving = false;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      const at = (t: number): number => values[(o * rows + t) * inner + i]!;
      let [dot, square] = [0, 0];
      for (let t = 1; t + 1 < rows; t++) {
        dot += at(t) * (at(t + 1) + at(t - 1));
        square += at(t) * at(t);
      }
      const factor = square === 0 ? 2 : dot / square;
      if (Math.abs(factor) > 2 + TOLERANCE) return false;
      for (let t = 1; t + 1 < rows; t++)
        if (Math.abs(at(t + 1) + at(t - 1) - factor * at(t)) > TOLERANCE * (most! - least!)) return false;
      moving ||= at(0) !== at(1);
    }
  return moving;
}

/** What a constant looks like that is no parameter; undefined where it may be one. */
export function likeness(dims: readonly number[], values: Float32Array): string | undefined {
  if (values.some((v) => !Number.isFinite(v) || Math.abs(v) >= HIDING)) return 'a mask: it holds numbers that hide';
  const uniform = values.every((v) => v === values[0]);
  if (uniform) return undefined;
  if (values.every((v) => Number.isInteger(2 * v))) return 'a grid, a mask or a selection: whole and half numbers';
  if (dims.some((_, axis) => isPeriodic(dims, values, axis))) return 'a table of sines or a ramp';
  return undefined;
}
