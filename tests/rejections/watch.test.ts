import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { takeRejections } from './taken.js';

it('an unhandled rejection in a process that a test starts is seen, and ends that process', () => {
  const started = spawnSync(process.execPath, ['-e', "Promise.reject(new Error('nobody waits'))"], {
    encoding: 'utf8',
  });
  expect(started.status).toBe(1);
  expect(takeRejections()).toEqual([expect.stringContaining('nobody waits')]);
});

it('a process that ends in order, or by an error of its own, is not accused', () => {
  for (const code of [
    "Promise.reject(new Error('seen')).catch(() => undefined)",
    "setTimeout(() => { throw new Error('thrown') })",
  ])
    spawnSync(process.execPath, ['-e', code]);
  expect(takeRejections()).toEqual([]);
});
