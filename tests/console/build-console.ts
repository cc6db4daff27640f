import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Builds the console, unless it is built already. @returns the folder */
export function buildConsole(): string {
  execFileSync('npx', ['turbo', 'run', 'build', '--filter=@verge/console', '--output-logs=errors-only'], {
    cwd: root,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  });
  return resolve(root, 'apps/console/dist');
}
