/**
 * Latency that decides is measured more than once. One measurement is of one process for each model, and where its memory came to lie stays
 * with it: another one of the same file may say some per cent more or less. So a model that is near what is allowed is measured again
 * beside the source, each time in new processes, and the medians count.
 */
import type { Measurement } from '@verge/contracts';

/** Measurements in all of what is near the bound. */
export const TURNS = 3;
/** How far from the bound a latency counts as near: several times what measurements of the same file differ by. */
const NEAR = 0.15;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** Whether a latency is so near one of its bounds that chance could have put it on the other side. */
export const isNear = (latencyMs: number, bounds: readonly number[]): boolean =>
  bounds.some((bound) => Math.abs(latencyMs / bound - 1) < NEAR);

/** One model's measurement with the median of its latencies, and between which they lie. */
function withMedian(first: Measurement, turns: readonly Measurement[]): Measurement {
  const p50 = turns.flatMap(({ p50Ms }) => p50Ms ?? []);
  const p95 = turns.flatMap(({ p95Ms }) => p95Ms ?? []);
  const [least, most] = [Math.min(...p50), Math.max(...p50)];
  const note = `latency is near what is allowed: the median of ${p50.length} measurements, ${least.toFixed(4)} to ${most.toFixed(4)} ms`;
  return { ...first, p50Ms: median(p50), p95Ms: median(p95), notes: [...(first.notes ?? []), note] };
}

/**
 * @param first of the source and of each variant
 * @param boundsOf the latencies that a variant must not exceed, given the source's
 * @param again measures the source and those variants again, in that order
 */
export async function steadied(
  first: readonly Measurement[],
  boundsOf: (sourceMs: number) => readonly number[],
  again: (which: readonly number[]) => Promise<readonly Measurement[]>,
): Promise<Measurement[]> {
  const source = first[0]!.p50Ms;
  if (source === null || source === 0) return [...first];
  const bounds = boundsOf(source);
  const near = first.flatMap(({ p50Ms }, i) => (i > 0 && p50Ms !== null && isNear(p50Ms, bounds) ? [i] : []));
  if (near.length === 0) return [...first];
  const which = [0, ...near];
  const turns = which.map((i) => [first[i] as Measurement]);
  for (let turn = 1; turn < TURNS; turn++)
    (await again(which)).forEach((measurement, i) => (turns[i] as Measurement[]).push(measurement));
  const settled = new Map(which.map((i, place) => [i, withMedian(first[i] as Measurement, turns[place]!)]));
  return first.map((measurement, i) => settled.get(i) ?? measurement);
}
