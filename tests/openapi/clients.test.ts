/** What programs are generated from the description, and whether they run: in the full tests. */
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administrator, Plane } from '../../apps/control-plane/test/plane.js';
import { npmTools, pythonTools, root, run, type Ran } from './tools.js';

const MINUTES = 60_000;
const clients = join(root, 'tests/openapi/clients');

describe.runIf(process.env['VERGE_TEST_FULL'])('the description', () => {
  let plane: Plane;
  let folder: string;
  let npm: string | null;
  let python: string | null;
  beforeAll(async () => {
    plane = await Plane.start();
    folder = await mkdtemp(join(tmpdir(), 'verge-clients-'));
    [npm, python] = await Promise.all([npmTools(), pythonTools()]);
    await writeFile(join(folder, 'openapi.json'), await (await fetch(`${plane.url}/api/v1/openapi.json`)).text());
  }, 10 * MINUTES);
  afterAll(async () => {
    await plane.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ok = ({ code, output }: Ran): string => {
    expect(code, output.slice(-6000)).toBe(0);
    return output;
  };
  /** The arguments of a command as the README shows it, for the control plane that runs here. */
  const shown = async (command: string): Promise<string[]> => {
    const readme = await readFile(join(root, 'apps/control-plane/README.md'), 'utf8');
    const line = readme.split('\n').find((each) => each.startsWith(`${command} `));
    if (line === undefined) throw new Error(`the README shows no ${command}`);
    return line
      .slice(command.length + 1)
      .replace('http://localhost:7400', plane.url)
      .split(' ');
  };
  const who = (): string[] => [plane.url, administrator.email, administrator.password];

  it(
    'makes types for TypeScript, by which a program compiles and runs',
    async ({ skip }) => {
      if (npm === null) return skip('no npm registry');
      const at = join(folder, 'typescript');
      await mkdir(at);
      await symlink(join(npm, 'node_modules'), join(at, 'node_modules'));
      await writeFile(join(at, 'package.json'), '{"type":"module"}');
      await copyFile(join(clients, 'flow.mts'), join(at, 'flow.mts'));
      const bin = (name: string): string => join(npm!, 'node_modules/.bin', name);
      ok(await run(bin('openapi-typescript'), await shown('npx openapi-typescript'), { cwd: at }));
      const types = join(root, 'node_modules/@types');
      const strict = [
        '--strict',
        '--target',
        'es2022',
        '--module',
        'nodenext',
        '--typeRoots',
        types,
        '--types',
        'node',
      ];
      ok(await run(bin('tsc'), [...strict, 'flow.mts'], { cwd: at }));
      expect(ok(await run(process.execPath, ['flow.mjs', ...who()], { cwd: at }))).toContain('flow done');
    },
    5 * MINUTES,
  );

  it(
    'makes a package for Python, by which a program runs',
    async ({ skip }) => {
      if (python === null) return skip('no Python, or no PyPI');
      const env = { PATH: `${python}:${process.env['PATH']}`, PYTHONPATH: folder };
      const options = [...(await shown('openapi-python-client')), '--fail-on-warning'];
      ok(await run(join(python, 'openapi-python-client'), options, { cwd: folder, env }));
      expect(ok(await run(join(python, 'python'), [join(clients, 'flow.py'), ...who()], { env }))).toContain(
        'flow done',
      );
    },
    5 * MINUTES,
  );

  it(
    'has nothing that spectral:oas finds, not a warning',
    async ({ skip }) => {
      if (npm === null) return skip('no npm registry');
      await writeFile(join(folder, 'spectral.yaml'), 'extends: ["spectral:oas"]\n');
      const options = ['lint', 'openapi.json', '--ruleset', 'spectral.yaml', '--fail-severity', 'hint'];
      ok(await run(join(npm, 'node_modules/.bin/spectral'), options, { cwd: folder }));
    },
    2 * MINUTES,
  );
});
