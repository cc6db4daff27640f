/** The commands that docs/operations.md shows, line by line. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { root, type System } from '../loop/harness.js';

const run = promisify(execFile);

export async function operationsCommands(): Promise<string[]> {
  const text = await readFile(join(root, 'docs/operations.md'), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block!);
  return blocks.flatMap((block) => block.trim().split('\n'));
}

/** A checkout to stand in, so that what a command writes does not land in the real one. */
async function checkoutIn(home: string): Promise<string> {
  const checkout = join(home, 'checkout');
  await mkdir(checkout, { recursive: true });
  for (const name of await readdir(root)) {
    if (name === '.git' || name === '.verge') continue;
    await symlink(join(root, name), join(checkout, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return checkout;
}

/** Runs one as it stands, but for the port. @throws when it fails */
export async function runShown(command: string, system: System, redisUrl: string): Promise<string> {
  const bin = join(system.home, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'verge'), `#!/bin/sh\nexec node ${join(root, 'apps/cli/bin/verge.mjs')} "$@"\n`);
  await chmod(join(bin, 'verge'), 0o755);
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    VERGE_CONFIG_DIR: join(system.home, 'cli'),
    VERGE_DATA_DIR: join(system.home, 'data'),
    DATABASE_URL: '',
    REDIS_URL: redisUrl,
  };
  const here = command.replaceAll('http://localhost:7400', system.url);
  const { stdout } = await run('sh', ['-ec', here], { env, cwd: await checkoutIn(system.home) });
  return stdout;
}
