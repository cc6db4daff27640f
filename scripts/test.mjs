// `npm test`: installs, builds, checks and tests, and ends with one plain line of counts.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { ensureInstalled, run } from './install.mjs';

const full = process.argv.includes('--full');
const counts = { passed: 0, failed: 0, skipped: 0 };
const timings = [];

async function check(name, command, args, how = {}) {
  const started = Date.now();
  const { code, output } = await run(command, args, { quiet: true, ...how });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  timings.push([name, seconds]);
  console.log(`> ${name} ${code === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
  if (code !== 0) console.log(output);
  counts[code === 0 ? 'passed' : 'failed']++;
  return code === 0;
}

async function vitest(extra) {
  const folder = mkdtempSync(join(tmpdir(), 'verge-test-'));
  const report = join(folder, 'report.json');
  const started = Date.now();
  const { code } = await run(
    'npx',
    ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    extra,
  );
  timings.push(['tests', ((Date.now() - started) / 1000).toFixed(1)]);
  let read = false;
  if (existsSync(report)) {
    const json = JSON.parse(readFileSync(report, 'utf8'));
    counts.passed += json.numPassedTests;
    counts.failed +=
      json.numFailedTests +
      json.testResults.filter((f) => f.status === 'failed' && f.assertionResults.length === 0).length;
    counts.skipped += json.numPendingTests + (json.numTodoTests ?? 0);
    read = true;
  }
  // A run that dies, or an error outside any test, must not count as success.
  if (code !== 0 && (!read || counts.failed === 0)) counts.failed++;
  rmSync(folder, { recursive: true, force: true });
}

const data = process.env.VERGE_DATA;
await ensureInstalled();
if (!data)
  console.log(
    '  VERGE_DATA is not set: tests on larger data (MNIST, MobileNet, ONNX conformance) will say that they skip',
  );
const chromium = await ensureChromium();
const built = await check('build', 'npx', ['turbo', 'run', 'build', '--output-logs=errors-only']);
const inTurn = async (...checks) => {
  for (const one of checks) await check(...one, { aside: true });
};
if (built) {
  // Tests wait for processes and clocks much of their time. The checks of the sources have what they leave of the processors: two
  // at a time, since most of what runs Verge has two cores or more.
  const sources = Promise.all([
    inTurn(
      [
        'lint',
        'npx',
        ['eslint', '.', '--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/'],
      ],
      ['boundaries', 'npx', ['turbo', 'boundaries']],
    ),
    inTurn(
      ['format', 'npx', ['prettier', '--check', '.', '--log-level', 'warn']],
      ['types', 'npx', ['tsc', '--noEmit', '-p', 'tsconfig.json']],
      ['types of the console', 'npx', ['tsc', '--noEmit', '-p', 'apps/console']],
    ),
  ]);
  await vitest({
    env: {
      // Tests need not build, nor load packages from source.
      VERGE_TEST_BUILT: '1',
      ...(chromium ? { VERGE_CHROMIUM: chromium } : {}),
      ...(full ? { VERGE_TEST_FULL: '1' } : {}),
    },
  });
  await sources;
}
console.log(timings.map(([name, seconds]) => `  ${name} ${seconds} s`).join('\n'));
console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
