/**
 * A promise that fails with nobody waiting for it fails the suite, in the processes that a test starts as in its own
 * (that one Vitest watches itself).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { takeRejections } from './taken.js';

const folder = mkdtempSync(join(tmpdir(), 'verge-rejections-'));
process.env['VERGE_TEST_REJECTIONS'] = folder;
const record = `--import=${new URL('./record.mjs', import.meta.url).href}`;
// Once, where several files share a process.
if (!process.env['NODE_OPTIONS']?.includes(record))
  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} ${record}`.trim();

// The first hook to be registered is the last to run: the suite has stopped its processes by then.
afterAll(() => {
  const rejections = takeRejections();
  rmSync(folder, { recursive: true, force: true });
  if (rejections.length > 0) throw new Error(`a process ended by an unhandled rejection:\n${rejections.join('\n')}`);
});
