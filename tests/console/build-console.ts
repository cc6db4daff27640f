import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Builds an app, unless `npm test` has just built everything. @returns its folder */
function build(app: string): string {
  const folder = resolve(root, 'apps', app);
  if (process.env['VERGE_TEST_BUILT'] !== undefined) return folder;
  execFileSync('npx', ['turbo', 'run', 'build', `--filter=@verge/${app}`, '--output-logs=errors-only'], {
    cwd: root,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  });
  return folder;
}

/** Builds the console, unless it is built already. @returns the folder of its files */
export const buildConsole = (): string => resolve(build('console'), 'dist');

/** Builds the control plane, unless it is built already. @returns the file to run it by */
export const buildControlPlane = (): string => resolve(build('control-plane'), 'bin/verge-control-plane.mjs');
