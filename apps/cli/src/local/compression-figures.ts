/** Size, work, latency and memory of a compression, before and after, as people read them. */
import type { CompressionReport } from '@verge/contracts';
import { figureRows } from './data.js';

const whole = (n: number | null): string => (n === null ? '?' : n.toLocaleString('en'));

export function comparedFigures({ before, after }: CompressionReport): [string, string, string][] {
  const second = figureRows(after);
  return [
    ...figureRows(before).map(([name, value], i): [string, string, string] => [name, value, second[i]?.[1] ?? '']),
    ['parameters', whole(before.parameters), whole(after.parameters)],
    ['MACs', whole(before.macs), whole(after.macs)],
  ];
}
