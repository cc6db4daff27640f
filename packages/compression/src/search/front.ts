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
