import js from '@eslint/js';
import globals from 'globals';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

const test = ['**/*.test.ts', 'tests/**/*.ts', 'bench/**/*.ts'];

/** Engine code receives a Session; only runtime loads ONNX Runtime, and a device never holds signing code. */
const bans = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const onnxruntime = {
  group: ['onnxruntime-node', 'onnxruntime-common'],
  message: 'Only packages/runtime imports ONNX Runtime.',
};
const runtime = { group: ['@verge/runtime'], message: 'Engine code receives a Session; it never imports the runtime.' };
const signing = { group: ['**/publish/*'], message: 'What runs on a device verifies; it never holds signing code.' };
const publish = { group: ['@verge/trust/publish'], message: 'A device verifies; it never holds signing code.' };

export default ts.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/generated/**', '**/.turbo/**', '**/.verge/**'] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    languageOptions: { globals: { ...globals.node } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      eqeqeq: ['error', 'always'],
    },
  },
  {
    // A promise that nobody waits for fails in silence, or ends the process. `void` is no way out: whoever starts one
    // without waiting says with `.catch` where its failure is told.
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
  {
    files: ['apps/console/**/*.{ts,tsx}', 'tests/console/**/*.ts'],
    languageOptions: { parserOptions: { project: 'apps/console/tsconfig.json' } },
  },
  {
    // Nest reads constructor parameter types at run time, which type-only imports would erase.
    files: ['apps/control-plane/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    ignores: ['packages/runtime/**'],
    rules: bans([onnxruntime]),
  },
  { files: ['packages/{training,compression,data}/src/**/*.ts'], ignores: test, rules: bans([onnxruntime, runtime]) },
  {
    files: ['packages/trust/src/{verify,identity,provenance}/**/*.ts'],
    ignores: test,
    rules: bans([onnxruntime, signing]),
  },
  { files: ['apps/agent/src/**/*.ts'], ignores: test, rules: bans([onnxruntime, publish]) },
  {
    files: ['apps/console/**/*.{ts,tsx}'],
    languageOptions: { globals: { ...globals.browser } },
    plugins: { 'react-hooks': hooks },
    rules: { ...hooks.configs.recommended.rules },
  },
);
