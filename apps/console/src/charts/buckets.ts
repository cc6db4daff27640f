/** A series with a point for every step of its window: what nobody measured is a gap, not a line from one end to the other. */
import type { TelemetryPoint } from '@verge/contracts';

export interface Series {
  stepSeconds: number;
  points: readonly TelemetryPoint[];
}

/** The ends of what was asked; the answer's own first and last points when they are not known. */
export interface Window {
  from?: string | undefined;
  to?: string | undefined;
}

/** The window of a series that was asked without one. */
export const lastHour = (): Window => ({
  from: new Date(Date.now() - 3_600_000).toISOString(),
  to: new Date().toISOString(),
});

/** More steps than a chart can draw: such a series is left as it is. */
const MOST = 5_000;

const empty = { requests: 0, errors: 0, callerErrors: 0, loadErrors: 0, p50Ms: null, p95Ms: null, p99Ms: null };

/** Steps begin at multiples of their length since 1970, as the server's do. */
export function everyStep({ stepSeconds, points }: Series, window: Window = {}): TelemetryPoint[] {
  const step = stepSeconds * 1000;
  const known = new Map(points.map((point) => [Math.floor(Date.parse(point.at) / step), point]));
  const numbers = [...known.keys()];
  const first = window.from ? Math.floor(Date.parse(window.from) / step) : Math.min(...numbers);
  const last = window.to ? Math.ceil(Date.parse(window.to) / step) - 1 : Math.max(...numbers);
  if (!Number.isFinite(first) || !Number.isFinite(last) || last - first > MOST) return [...points];
  const from = Math.min(first, ...numbers);
  const to = Math.max(last, ...numbers);
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const number = from + i;
    return known.get(number) ?? { at: new Date(number * step).toISOString(), ...empty };
  });
}
