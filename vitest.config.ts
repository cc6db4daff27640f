import { defineConfig } from 'vitest/config';
import swc from 'unplugin-swc';

// Packages resolve each other from source through the `verge-source` export condition, so tests need no build.
// 'import' and 'default' are always there; listed, Vitest would hand them to Node, whose require() then finds ES modules.
const conditions = ['verge-source', 'node'];

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
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
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
        test: {
          name: 'shared',
          isolate: false,
          include: ['packages/*/src/**/*.test.ts', 'apps/{control-plane,console}/src/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'apart',
          include: ['apps/{agent,cli,quickstart,worker}/src/**/*.test.ts', 'tests/**/*.test.ts'],
        },
      },
    ],
  },
});
