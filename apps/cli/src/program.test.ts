import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { verge } from './test-command.js';

it('says its version, also as JSON', async () => {
  expect((await verge('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await verge('--version', '--json')).json()).toEqual({ version: (await verge('-V')).stdout.trim() });
});

it('ends without a word when the reader of its output goes away', async () => {
  const program = fileURLToPath(new URL('../bin/verge.mjs', import.meta.url));
  // Longer than a pipe holds, so that writing meets the closed end.
  const child = spawn(process.execPath, [program, 'schema', 'training-config'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (data) => (said += String(data)));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, said }).toEqual({ code: 141, said: '' });
});
