/** What a positive semi-definite matrix, as a Gram matrix is, does most: its eigenvalues, and the space of the largest. */
import { Random } from '@verge/data';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { orthonormal } from './orthonormal.js';
import { dense, type Dense, type Products } from './products.js';

/** Up to this size all vectors are found, in less than a tenth of a second. */
const WHOLE = 128;
/** Multiplications from a random start, and from a space that is nearly right. */
const ROUNDS = { random: 8, given: 2 };

interface Eigen {
  /** The largest first. */
  readonly values: Float64Array;
  /** [n, n]: row i is the vector of value i. */
  readonly vectors: Dense;
}

/** All values and vectors of a symmetric matrix. */
export function eigen({ rows: n, data }: Dense): Eigen {
  const found = new EigenvalueDecomposition(Matrix.from1DArray(n, n, data), { assumeSymmetric: true });
  const values = found.realEigenvalues;
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
  const columns = found.eigenvectorMatrix;
  const vectors = dense(n, n);
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) vectors.data[to * n + i] = columns.get(i, from);
  });
  return { values: Float64Array.from(order, (i) => values[i]!), vectors };
}

/**
 * An orthonormal base of the space that the `count` leading eigenvectors span, [count, n]. Of a large matrix by subspace iteration
 * (Golub and Van Loan, Matrix Computations, 4th edition, 8.2.4), whose products run on the executor: what it then misses of the
 * energy is a few hundredths of what the eigenvectors leave out.
 *
 * @param gram [n, n], symmetric, without negative eigenvalues
 * @param start [count, n], where a base that is nearly right is known
 */
export async function leadingSpace(gram: Dense, count: number, products: Products, start?: Dense): Promise<Dense> {
  const n = gram.rows;
  if (n <= WHOLE) return dense(count, n, eigen(gram).vectors.data.slice(0, count * n));
  const random = new Random(1);
  let rows =
    start ??
    dense(
      count,
      n,
      Float64Array.from({ length: count * n }, () => random.symmetric(1)),
    );
  const rounds = start ? ROUNDS.given : ROUNDS.random;
  for (let round = 1; round <= rounds; round++)
    rows = await orthonormal(await products.ab(rows, gram), products, round === rounds ? 2 : 1);
  return rows;
}
