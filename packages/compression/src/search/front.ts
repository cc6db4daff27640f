/** Pareto fronts: what no other is as good as in every respect. */

/** What counts against a variant; less is better. */
export interface Costs {
  readonly points: number;
  readonly bytes: number;
  readonly macs: number;
}

const respects = ['points', 'bytes', 'macs'] as const;

/** Whether `a` is as good as `b` in every respect, and better in one. */
export function dominates(a: Costs, b: Costs): boolean {
  return respects.every((r) => a[r] <= b[r]) && respects.some((r) => a[r] < b[r]);
}

/** Those that nothing dominates, in the order given; of equals the first. */
export function frontOf<T extends Costs>(all: readonly T[]): T[] {
  const equal = (a: Costs, b: Costs): boolean => respects.every((r) => a[r] === b[r]);
  return all.filter((one, i) => !all.some((other, j) => dominates(other, one) || (j < i && equal(other, one))));
}

/**
 * What a front covers: the volume of all costs that one of it dominates, below a reference, as a share of the reference's (0 to 1). Losses
 * below none count as none; what lies beyond the reference covers nothing.
 */
export function hypervolume(all: readonly Costs[], reference: Costs): number {
  const shares = all.map((c) => respects.map((r) => Math.max(0, c[r]) / reference[r]) as [number, number, number]);
  const inside = shares.filter((share) => share.every((x) => x < 1)).sort((a, b) => a[0] - b[0]);
  let volume = 0;
  // Slices between one loss and the next, in which those with less loss cover an area.
  inside.forEach(([from], i) => {
    const until = inside[i + 1]?.[0] ?? 1;
    volume += (until - from) * area(inside.slice(0, i + 1).map(([, x, y]) => [x, y] as const));
  });
  return volume;
}

/** Of a square of 1, what points cover from themselves to its far corner. */
function area(points: readonly (readonly [number, number])[]): number {
  let [covered, lowest] = [0, 1];
  for (const [x, y] of points.toSorted((a, b) => a[0] - b[0])) {
    if (y >= lowest) continue;
    covered += (1 - x) * (lowest - y);
    lowest = y;
  }
  return covered;
}
