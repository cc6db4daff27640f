/** Tools of others that read the description, at exact versions, in a cache folder: no part of Verge needs them to run. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = join(root, 'node_modules/.cache/verge-openapi');
const npmPackages = [
  'openapi-typescript@7.13.0',
  'openapi-fetch@0.17.0',
  '@stoplight/spectral-cli@6.16.3',
  'typescript@5.9.3',
];
const pythonPackages = ['schemathesis==4.32.5', 'openapi-python-client==0.29.1'];

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Runs to its end. The output is that of both streams, in the order in which it came. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, env: { ...process.env, NODE_OPTIONS: '', ...options.env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** A folder whose node_modules has the tools; null, saying so, where no registry answers. */
export async function npmTools(): Promise<string | null> {
  const folder = join(cache, 'npm');
  const stamp = join(folder, `.installed-${npmPackages.join('+').replaceAll(/[@/]/g, '_')}`);
  if (existsSync(stamp)) return folder;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const { code, output } = await run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...npmPackages],
    { cwd: folder },
  );
  if (code === 0) await writeFile(stamp, '');
  return installed('npm', code, output) ? folder : null;
}

/** The folder of a virtual environment's programs; null, saying so, where Python or PyPI is not there. */
export async function pythonTools(): Promise<string | null> {
  const folder = join(cache, 'python');
  const stamp = join(folder, `.installed-${pythonPackages.join('+')}`);
  if (existsSync(stamp)) return join(folder, 'bin');
  if (spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status !== 0) {
    console.warn('  there is no Python 3.10 or later: schemathesis and the Python client are not tried');
    return null;
  }
  await mkdir(cache, { recursive: true });
  const made = await run('python3', ['-m', 'venv', folder]);
  const pip = made.code === 0 ? await run(join(folder, 'bin/pip'), ['install', '--quiet', ...pythonPackages]) : made;
  if (pip.code === 0) await writeFile(stamp, '');
  return installed('Python', pip.code, pip.output) ? join(folder, 'bin') : null;
}

/** @throws Error where it failed for another reason than that nobody answers: that is no reason to skip */
function installed(what: string, code: number | null, output: string): boolean {
  if (code === 0) return true;
  const away =
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|NewConnectionError|NameResolutionError|ensurepip/;
  if (!away.test(output)) throw new Error(`the ${what} tools could not be installed:\n${output.slice(-2000)}`);
  console.warn(`  no registry of ${what} packages answers: what needs them is not tried`);
  return false;
}
