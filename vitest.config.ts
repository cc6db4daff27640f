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
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    setupFiles: ['tests/rejections/watch.ts', 'tests/openapi/watch.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 3,
  },
});
