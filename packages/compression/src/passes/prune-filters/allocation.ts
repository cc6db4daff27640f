/**
 * How a removal is spread over groups of channels whose cost was measured: each loses as much as makes the next channel everywhere cost the
 * outputs the same for what it saves, which is where the sum of the costs is least (Lagrange). That costs add up is an assumption.
 */

/** What removals from one group were measured to cost. */
export interface Curve {
  /** Shares of the group that went, ascending, above 0, and what that did to the outputs. */
  readonly points: readonly (readonly [share: number, divergence: number])[];
  /** What the whole group would save: filters, multiply-accumulates or milliseconds. */
  readonly saves: number;
}

/** Costs below this are not told apart; so are nats of two models that differ by roundings. */
const NOTHING = 1e-9;
/** Between measured points costs rise at least so much, so that each cost belongs to one share: powers of e over the whole group. */
const LEAST_RISE = 0.5;
/** Beyond the last measured share costs rise at least so fast. */
const LAST_RISE = 4;

/** A group's next channel costs exp(cost) for a unit of what it saves when `share` of it is gone; rising in both. */
type Knot = readonly [share: number, cost: number];

/** The points from (0, 0) below which no straight line between two others passes. */
function convex(points: Curve['points']): (readonly [number, number])[] {
  const hull: (readonly [number, number])[] = [];
  const slope = (a: readonly [number, number], b: readonly [number, number]): number => (b[1] - a[1]) / (b[0] - a[0]);
  for (const point of [[0, 0] as const, ...points]) {
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** The logarithm of the marginal cost, linear between the middles of what was measured and carried on to both ends. */
function knotsOf({ points, saves }: Curve): Knot[] {
  const hull = convex(points.filter(([, divergence]) => Number.isFinite(divergence)));
  const unit = Math.max(saves, NOTHING);
  const knots: Knot[] = [];
  for (let i = 1; i < hull.length; i++) {
    const [from, to] = [hull[i - 1]!, hull[i]!];
    const cost = Math.log(Math.max(NOTHING, (to[1] - from[1]) / (to[0] - from[0])) / unit);
    const middle = (from[0] + to[0]) / 2;
    const before = knots.at(-1);
    knots.push([middle, before ? Math.max(cost, before[1] + LEAST_RISE * (middle - before[0])) : cost]);
  }
  const [first, second] = knots;
  if (!first) return [];
  const rise = (a: Knot, b: Knot): number => (b[1] - a[1]) / (b[0] - a[0]);
  const [start, last] = [second ? rise(first, second) : LAST_RISE, knots.at(-1)!];
  const end = Math.max(LAST_RISE, knots.length > 1 ? rise(knots.at(-2)!, last) : 0);
  return [[0, first[1] - start * first[0]], ...knots, [1, last[1] + end * (1 - last[0])]];
}

function shareAt(knots: readonly Knot[], cost: number): number {
  const above = knots.findIndex((knot) => knot[1] >= cost);
  if (above === 0 || knots.length === 0) return 0;
  if (above < 0) return 1;
  const [a, b] = [knots[above - 1]!, knots[above]!];
  return a[0] + ((b[0] - a[0]) * (cost - a[1])) / (b[1] - a[1]);
}

/** The largest share that left the outputs numbers; no more than that goes. */
const mostOf = ({ points }: Curve): number =>
  points.every(([, divergence]) => Number.isFinite(divergence))
    ? 1
    : Math.max(0, ...points.filter(([, divergence]) => Number.isFinite(divergence)).map(([share]) => share));

/**
 * @param amount how much is saved in all, as a share of what all groups save together; 0 to 1
 * @returns the share of each group that goes; each rises with the amount. One that nothing was measured of loses nothing
 */
export function sharesAt(curves: readonly Curve[], amount: number): number[] {
  const all = curves.map((curve) => ({ knots: knotsOf(curve), most: mostOf(curve), saves: curve.saves }));
  const at = (cost: number): number[] => all.map(({ knots, most }) => Math.min(most, shareAt(knots, cost)));
  const whole = curves.reduce((sum, { saves }) => sum + saves, 0);
  const costs = all.flatMap(({ knots }) => knots.map((knot) => knot[1]));
  if (costs.length === 0) return curves.map(() => 0);
  let [low, high] = [Math.min(...costs), Math.max(...costs)];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    const saved = at(middle).reduce((sum, share, i) => sum + share * all[i]!.saves, 0);
    if (saved < amount * whole) low = middle;
    else high = middle;
  }
  return at(high);
}
