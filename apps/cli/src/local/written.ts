/** A verb that writes a model from a model: how far apart the two are, in words. */
import type { Comparison } from '@verge/onnx';
import { sizesIn } from './trial.js';

/** What a check found, as lines of a report. */
export function checkRows(comparison: Comparison | null): [string, string][] {
  if (!comparison) return [['numbers', 'not checked']];
  const { runs, absolute, relative, roundings, tolerance } = comparison;
  const found =
    absolute === 0 ? 'equal' : `at most ${absolute.toPrecision(3)} apart, relative ${relative.toPrecision(3)}`;
  const wider = `relative ${tolerance.relative.toPrecision(3)}: up to ${roundings} roundings to 16 bits in a row explain that`;
  return [
    ['numbers', `${runs} sets of random inputs: ${found}`],
    ...(roundings > 0 ? [['allowed', wider] as [string, string]] : []),
    ['assumed', sizesIn(comparison.assumed)],
  ];
}
