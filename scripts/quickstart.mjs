// `npm run quickstart`: installs and builds what is missing, then runs the loop (apps/quickstart).
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, environment, root } from './install.mjs';

await ensureInstalled();
await ensureBuilt();
const child = spawn(process.execPath, [join(root, 'apps/quickstart/dist/main.js'), ...process.argv.slice(2)], {
  cwd: root,
  env: environment,
  stdio: 'inherit',
});
// Ctrl-C reaches the child through the terminal; a signal to this process alone is handed on.
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGINT', () => undefined);
child.on('close', (code) => process.exit(code ?? 1));
