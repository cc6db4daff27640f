import type { Pool } from 'pg';

const rowsAtATime = 2000;

/** Runs a query and hands over its rows in bounded portions, so that a wide window does not fill the memory. */
export async function scan<Row extends object>(
  pool: Pool,
  query: { readonly text: string; readonly values: unknown[] },
  each: (row: Row) => void,
): Promise<void> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('BEGIN READ ONLY');
    await client.query(`DECLARE scan NO SCROLL CURSOR FOR ${query.text}`, query.values);
    for (;;) {
      const { rows } = await client.query<Row>(`FETCH ${rowsAtATime} FROM scan`);
      for (const row of rows) each(row);
      if (rows.length < rowsAtATime) break;
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}
