/** Which roll-ups answer for a span of time: hours where whole ones fit, minutes at its ends. */

export interface ReadRange {
  /** Length of the roll-ups: 60 or 3600. */
  readonly seconds: number;
  readonly from: Date;
  readonly to: Date;
}

const minute = 60_000;
const hour = 3_600_000;

export interface Asked {
  readonly from: Date;
  readonly to: Date;
  /** Seconds a point; null when all of it is one sum. */
  readonly stepSeconds: number | null;
  /** Roll-ups of minutes before it are deleted, or soon will be. */
  readonly minutesFrom: Date;
}

/**
 * The span is widened to whole minutes, and to whole hours where minutes are no longer kept. Ranges do not overlap, and
 * those with the same step never cut a point in two.
 */
export function readRanges({ from, to, stepSeconds, minutesFrom }: Asked): ReadRange[] {
  const kept = Math.ceil(minutesFrom.getTime() / hour) * hour;
  const start = down(from.getTime(), from.getTime() < kept ? hour : minute);
  const end = up(to.getTime(), to.getTime() <= kept ? hour : minute);
  const hoursFit = stepSeconds === null || stepSeconds % 3600 === 0;
  const firstHour = up(start, hour);
  const lastHour = down(end, hour);
  if (!hoursFit || firstHour >= lastHour) return rangesOf([[60, start, end]]);
  return rangesOf([
    [60, start, firstHour],
    [3600, firstHour, lastHour],
    [60, lastHour, end],
  ]);
}

function rangesOf(all: readonly (readonly [seconds: number, from: number, to: number])[]): ReadRange[] {
  return all.flatMap(([seconds, from, to]) => (from < to ? [{ seconds, from: new Date(from), to: new Date(to) }] : []));
}

function down(ms: number, unit: number): number {
  return Math.floor(ms / unit) * unit;
}

function up(ms: number, unit: number): number {
  return Math.ceil(ms / unit) * unit;
}

const steps = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** The smallest round step that gives at most about 120 points; an hour at least where minutes are no longer kept. */
export function stepFor({ from, to, minutesFrom }: Pick<Asked, 'from' | 'to' | 'minutesFrom'>): number {
  const seconds = (to.getTime() - from.getTime()) / 1000;
  const least = from < minutesFrom ? 3600 : 60;
  return steps.find((step) => step >= least && seconds / step <= 120) ?? 86_400;
}
