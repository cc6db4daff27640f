/** A verb that writes a model from a model: how far apart the two are, in words. */
import type { Comparison } from '@verge/onnx';
import { sizesIn } from './trial.js';

/** What a check found, as lines of a report. */
export function checkRows(comparison: Comparison | null): [string, string][] {
  if (!comparison) return [['numbers', 'not checked']];
  const { runs, absolute, relative } = comparison;
  const found =
    absolute === 0 ? 'equal' : `at most ${absolute.toPrecision(3)} apart, relative ${relative.toPrecision(3)}`;
  return [
    ['numbers', `${runs} sets of random inputs: ${found}`],
    ['assumed', sizesIn(comparison.assumed)],
  ];
}
