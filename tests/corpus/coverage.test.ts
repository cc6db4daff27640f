/**
 * Models of other tools through the verbs of verbs.ts, held to docs/model-coverage.md: in the full tests, where VERGE_CORPUS names the folder
 * that exports.py has written. With VERGE_CORPUS_WRITE the page is written anew instead.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { coverageOf, type Coverage } from './verbs.js';
import { pageOf, rowsOf, type Peers } from './page.js';

const folder = process.env['VERGE_CORPUS'];
const page = fileURLToPath(new URL('../../docs/model-coverage.md', import.meta.url));
const runs = Boolean(folder && process.env['VERGE_TEST_FULL']);
if (process.env['VERGE_TEST_FULL'] && !folder)
  process.stderr.write('VERGE_CORPUS is not set: models of other tools (tests/corpus/exports.py) are skipped\n');

it.runIf(runs)('no verb takes less than docs/model-coverage.md says', { timeout: 7_200_000 }, async () => {
  const names = readdirSync(folder!).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -5)] : []));
  const rows: Coverage[] = [];
  for (const name of names.sort()) {
    const row = await coverageOf(folder!, name);
    console.info(JSON.stringify(row));
    rows.push(row);
  }
  if (process.env['VERGE_CORPUS_WRITE']) {
    const file = join(folder!, 'peers.json');
    const peers = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Peers) : {};
    writeFileSync(page, pageOf(rows, peers));
    return;
  }
  const before = rowsOf(readFileSync(page, 'utf8'));
  expect(before.size).toBeGreaterThan(0);
  const lost = rows.flatMap((row) =>
    (before.get(row.name) ?? [])
      .filter((verb) => row[verb] !== 'ok')
      .map((verb) => `${row.name} ${verb}: ${row[verb]}`),
  );
  expect(lost).toEqual([]);
  expect([...before.keys()].filter((name) => !names.includes(name))).toEqual([]);
});
