import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';
import swc from 'unplugin-swc';

/** How packages are found. A project's own conditions are added to those of all, so that all have none. */
const found = (...conditions: string[]) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
});

// Packages resolve each other from source through the `verge-source` export condition, so tests need no build.
// 'import' and 'default' are always there; listed, Vitest would hand them to Node, whose require() then finds ES modules.
const fromSource = found('verge-source', 'node');

// `npm test` has just built everything, and says so: tests then load it as Node does, which takes a fraction of the time.
const built = process.env['VERGE_TEST_BUILT'] !== undefined;
const sources = built ? { ...found('node'), plugins: [asBuilt()] } : fromSource;
const external = built ? [/\/(packages|apps)\/[^/]+\/dist\//] : [];

/** What tests import of sources by their paths, as it was built; what is there for tests alone stays as it is. */
function asBuilt(): Plugin {
  return {
    name: 'verge:as-built',
    enforce: 'pre',
    resolveId(source, importer) {
      if (!importer || !source.startsWith('.')) return null;
      const path = resolve(dirname(importer), source);
      const [, folder, file = ''] = /^(.*\/(?:packages|apps)\/[^/]+)\/src\/(.+\.js)$/.exec(path) ?? [];
      const made = `${folder}/dist/${file}`;
      return folder && !/(^|\/)test-/.test(file) && existsSync(made) ? made : null;
    },
  };
}

// Of each project, since packages are found by its conditions; the first serves all.
const globalSetup = ['apps/control-plane/test/serve-databases.ts'];

export default defineConfig({
  plugins: [
    swc.vite({
      swcrc: false,
      module: { type: 'es6' },
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
        keepClassNames: true,
      },
    }),
  ],
  oxc: false,
  test: {
    setupFiles: ['tests/rejections/watch.ts', 'tests/openapi/watch.ts', 'tests/equality/typed-arrays.ts'],
    // The sweeps of the full tests are many times as long.
    testTimeout: process.env['VERGE_TEST_FULL'] ? 600_000 : 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests wait for processes and clocks: a third keeps two cores busy.
    maxWorkers: 3,
    projects: [
      // Files that leave nothing behind share a process, which loads what they import once.
      {
        extends: true,
        ...sources,
        test: {
          name: 'shared',
          globalSetup,
          server: { deps: { external } },
          isolate: false,
          include: ['packages/*/src/**/*.test.ts', 'apps/{control-plane,console}/src/**/*.test.ts'],
        },
      },
      {
        extends: true,
        ...sources,
        test: {
          name: 'apart',
          globalSetup,
          server: { deps: { external } },
          include: ['apps/{agent,cli,quickstart,worker}/src/**/*.test.ts', 'tests/**/*.test.ts'],
        },
      },
    ],
  },
});
