/** Rows of unit length at right angles to each other that span the same. */
import { Matrix, QrDecomposition } from 'ml-matrix';
import { dense, type Dense, type Products } from './products.js';

/** Pivots below this share of the largest diagonal element: the rows depend on each other, as far as a Gram matrix can tell. */
const SINGULAR = 1e-13;

/** The inverse of the lower Cholesky factor of a Gram matrix [n, n]; null where the matrix is singular. */
function inverseOfFactor({ rows: n, data }: Dense): Dense | null {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, data[i * n + i] as number);
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = data[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (factor[i * n + k] as number) * (factor[j * n + k] as number);
      if (i !== j) factor[i * n + j] = sum / (factor[j * n + j] as number);
      else if (sum <= SINGULAR * largest) return null;
      else factor[i * n + i] = Math.sqrt(sum);
    }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const pivot = factor[i * n + i] as number;
    // Row i of the inverse: the rows before it, weighed by row i of the factor.
    for (let k = 0; k < i; k++) {
      const weight = factor[i * n + k] as number;
      for (let j = 0; j <= k; j++)
        inverse[i * n + j] = (inverse[i * n + j] as number) - weight * (inverse[k * n + j] as number);
    }
    for (let j = 0; j < i; j++) inverse[i * n + j] = (inverse[i * n + j] as number) / pivot;
    inverse[i * n + i] = 1 / pivot;
  }
  return { rows: n, columns: n, data: inverse };
}

function byReflections({ rows, columns, data }: Dense): Dense {
  const turned = new QrDecomposition(Matrix.from1DArray(rows, columns, data).transpose()).orthogonalMatrix.transpose();
  return dense(rows, columns, Float64Array.from(turned.to1DArray()));
}

/**
 * By Cholesky's factor of their Gram matrix, twice (Yamamoto et al., 2015, CholeskyQR2), since its products run on the executor; by
 * Householder's reflections, which take thirty times as long, where rows depend on each other.
 *
 * @param rows [n, m] with n <= m
 * @param passes 1 where a part in a million of slant does no harm
 */
export async function orthonormal(rows: Dense, products: Products, passes: 1 | 2 = 2): Promise<Dense> {
  let result = rows;
  for (let pass = 0; pass < passes; pass++) {
    const inverse = inverseOfFactor(await products.abt(result, result));
    if (!inverse) return byReflections(rows);
    result = await products.ab(inverse, result);
  }
  return result;
}
