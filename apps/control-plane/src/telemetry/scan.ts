import type { Pool } from 'pg';
import { inTransaction } from '../database/transaction.js';

const rowsAtATime = 2000;

/** Runs a query and hands over its rows in bounded portions, so that a wide window does not fill the memory. */
export async function scan<Row extends object>(
  pool: Pool,
  query: { readonly text: string; readonly values: unknown[] },
  each: (row: Row) => void,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(`DECLARE scan NO SCROLL CURSOR FOR ${query.text}`, query.values);
    for (;;) {
      const { rows } = await client.query<Row>(`FETCH ${rowsAtATime} FROM scan`);
      for (const row of rows) each(row);
      if (rows.length < rowsAtATime) return;
    }
  });
}
