/** Two factors of a matrix by its leading singular vectors. */
import { leadingSpace } from '../../linear-algebra/leading-space.js';
import { dense, type Dense, type Products } from '../../linear-algebra/products.js';

export interface TwoFactors {
  /** [rows, rank] */
  readonly left: Dense;
  /** [rank, columns] */
  readonly right: Dense;
  /** ||M - left right|| / ||M|| */
  readonly error: number;
}

const squares = (data: Float64Array): number => data.reduce((sum, v) => sum + v * v, 0);

export function transposed({ rows, columns, data }: Dense): Dense {
  const turned = dense(columns, rows);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) turned.data[c * rows + r] = data[r * columns + c] as number;
  return turned;
}

/** Rows of both factors get one size: what is trained or rounded later is then of one magnitude. */
function balanced(space: Dense, inner: Dense): void {
  for (let r = 0; r < space.rows; r++) {
    const row = inner.data.subarray(r * inner.columns, (r + 1) * inner.columns);
    const root = squares(row) ** 0.25;
    if (root === 0) continue;
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / root;
    const own = space.data.subarray(r * space.columns, (r + 1) * space.columns);
    for (let i = 0; i < own.length; i++) own[i] = (own[i] as number) * root;
  }
}

/** The best product of this rank (Eckart and Young), as far as `leadingSpace` finds it. */
export async function twoFactors(matrix: Dense, rank: number, products: Products): Promise<TwoFactors> {
  const wide = matrix.rows <= matrix.columns;
  const gram = wide ? await products.abt(matrix, matrix) : await products.atb(matrix, matrix);
  const space = await leadingSpace(gram, rank, products);
  // M ~ V^T (V M), or (M V^T) V.
  const inner = wide ? await products.ab(space, matrix) : await products.abt(space, matrix);
  const whole = squares(matrix.data);
  const error = whole === 0 ? 0 : Math.sqrt(Math.max(0, whole - squares(inner.data)) / whole);
  balanced(space, inner);
  return wide ? { left: transposed(space), right: inner, error } : { left: transposed(inner), right: space, error };
}
