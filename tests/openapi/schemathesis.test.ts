/** Requests made up from the description, right and wrong ones, one by one and in a row: in the full tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fillProject } from '../../apps/control-plane/test/many-rows.js';
import { Plane } from '../../apps/control-plane/test/plane.js';
import { pythonTools, root, run } from './tools.js';

const MINUTES = 60_000;
const config = join(root, 'tests/openapi/schemathesis');

describe.runIf(process.env['VERGE_TEST_FULL'])('schemathesis', () => {
  it(
    'finds nothing with all of its checks',
    async ({ skip }) => {
      const python = await pythonTools();
      if (python === null) return skip('no Python, or no PyPI');
      const plane = await Plane.start();
      const folder = await mkdtemp(join(tmpdir(), 'verge-schemathesis-'));
      try {
        const { id } = await plane.admin.call('projects.create', { body: { slug: 'plant', name: 'Plant' } });
        await fillProject(plane.database, id, 30);
        const { token } = await plane.admin.call('tokens.create', {
          body: { name: 'schemathesis', role: 'admin', managesUsers: true },
        });
        const options = ['--header', `Authorization: Bearer ${token}`, '--checks', 'all', '--max-examples', '5'];
        const { code, output } = await run(
          join(python, 'schemathesis'),
          ['--config-file', join(config, 'schemathesis.toml'), 'run', `${plane.url}/api/v1/openapi.json`, ...options],
          // Its examples are kept where it stands; no run is to depend on the one before.
          { cwd: folder, env: { PYTHONPATH: config, SCHEMATHESIS_HOOKS: 'hooks' } },
        );
        expect(code, output.slice(-20_000)).toBe(0);
        expect(output).toMatch(/Stateful/);
      } finally {
        await plane.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    25 * MINUTES,
  );
});
