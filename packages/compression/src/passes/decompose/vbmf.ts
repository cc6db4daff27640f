/**
 * The rank that is not noise: empirical variational Bayesian matrix factorisation, whose solution is known in closed form (Nakajima,
 * Sugiyama, Babacan and Tomioka, 2013, Global Analytic Solution of Fully-observed Variational Bayesian Matrix Factorization,
 * theorems 2 and 4). Only the variance of the noise is searched for.
 */

/** tau of theorem 2: 2.5129 * sqrt(alpha) approximates where it vanishes. */
const THRESHOLD = 2.5129;
const STEPS = 400;

const tau = (x: number, alpha: number): number => {
  const rest = x - (1 + alpha);
  return (rest + Math.sqrt(Math.max(0, rest * rest - 4 * alpha))) / 2;
};

/**
 * @param squares squared singular values, the largest first; as many as the smaller side of the matrix
 * @param rows and `columns` the sides, in any order
 */
export function vbmfRank(squares: Float64Array, rows: number, columns: number): number {
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
  const alpha = small / large;
  const low = THRESHOLD * Math.sqrt(alpha);
  const edge = (1 + low) * (1 + alpha / low);
  const total = squares.reduce((a, b) => a + b, 0);
  if (total <= 0) return 0;

  /** Negative free energy, up to constants, at this variance of the noise. */
  const energy = (variance: number): number => {
    let sum = 0;
    for (const square of squares) {
      const x = square / (large * variance);
      if (x > edge) {
        const t = tau(x, alpha);
        sum += x - t + Math.log((t + 1) / x) + alpha * Math.log(t / alpha + 1);
      } else sum += x - Math.log(Math.max(x, Number.MIN_VALUE));
    }
    return sum;
  };

  const most = Math.min(Math.ceil(small / (1 + alpha)) - 1, small - 1);
  const tail = squares.subarray(Math.max(0, most));
  const mean = tail.reduce((a, b) => a + b, 0) / Math.max(1, tail.length);
  const lower = Math.max((tail[0] ?? 0) / (large * edge), mean / large, (total / (small * large)) * 1e-12);
  const upper = Math.max(total / (small * large), lower);
  let best = lower;
  for (let i = 0; i <= STEPS; i++) {
    const variance = lower * (upper / lower) ** (i / STEPS);
    if (energy(variance) < energy(best)) best = variance;
  }
  const least = large * best * edge;
  return squares.reduce((count, square) => count + (square > least ? 1 : 0), 0);
}
