/** Products of large matrices in double precision, on the executor that models run on. */
import { GraphBuilder, encodeModel, int, type Session, type SessionFactory } from '@verge/onnx';

/** A matrix [rows, columns], row by row. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export const dense = (rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Dense => ({
  rows,
  columns,
  data,
});

type Form = 'ab' | 'atb' | 'abt';

function productModel(form: Form): Uint8Array {
  const g = new GraphBuilder();
  const a = g.input('a', 'float64', ['m', 'k']);
  const b = g.input('b', 'float64', ['n', 'o']);
  const flags = { transA: int(form === 'atb' ? 1 : 0), transB: int(form === 'abt' ? 1 : 0) };
  g.node('Gemm', [a, b], flags, 1, { outputNames: ['c'] });
  g.output('c', 'float64', null);
  return encodeModel(g.build());
}

/** Sessions are opened when they are first needed; `release` closes them. */
export class Products {
  readonly #sessions = new Map<Form, Session>();

  constructor(private readonly createSession: SessionFactory) {}

  /** a b */
  ab(a: Dense, b: Dense): Promise<Dense> {
    return this.#run('ab', a, b, a.rows, b.columns);
  }

  /** a^T b */
  atb(a: Dense, b: Dense): Promise<Dense> {
    return this.#run('atb', a, b, a.columns, b.columns);
  }

  /** a b^T */
  abt(a: Dense, b: Dense): Promise<Dense> {
    return this.#run('abt', a, b, a.rows, b.rows);
  }

  async #run(form: Form, a: Dense, b: Dense, rows: number, columns: number): Promise<Dense> {
    let session = this.#sessions.get(form);
    if (!session) {
      session = await this.createSession(productModel(form));
      this.#sessions.set(form, session);
    }
    const { c } = await session.run({
      a: { dtype: 'float64', dims: [a.rows, a.columns], data: a.data },
      b: { dtype: 'float64', dims: [b.rows, b.columns], data: b.data },
    });
    return { rows, columns, data: c?.data as Float64Array };
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}
