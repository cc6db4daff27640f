/** Compression beside other quantisers and pruners, bar by bar; with --json FILE it goes on where an earlier run stopped. */
import { resourceRows } from './_compression-cost.js';
import { bytesRows, lenetRows } from './_compression-bytes.js';
import { agreementRows } from './_compression-agreement.js';
import { precisionRows } from './_compression-precision.js';
import { prunedRows } from './_compression-pruned.js';
import { ptqRows } from './_compression-ptq.js';
import { structureRows } from './_compression-structure.js';
import { searchRows } from './_compression-search.js';
import { trainedRows } from './_compression-trained.js';
import type { Journal } from './_journal.js';
import type { Row } from './_row.js';

/** One file for each bar; `VERGE_BENCH_ONLY` names some of them. */
const bars: Readonly<Record<string, (journal: Journal) => Promise<Row[]>>> = {
  ptq: ptqRows,
  agreement: agreementRows,
  cost: resourceRows,
  precision: precisionRows,
  trained: trainedRows,
  pruned: prunedRows,
  structure: structureRows,
  bytes: bytesRows,
  lenet: lenetRows,
  search: searchRows,
};

export async function run(journal: Journal): Promise<Row[]> {
  const only = process.env['VERGE_BENCH_ONLY']?.split(',');
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(bars))
    if (!only || only.includes(name)) rows.push(...(await measure(journal)));
  return rows;
}
