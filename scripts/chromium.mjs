// Finds a Chromium for the browser tests, or gets one from the system's packages when that needs no question.
import { existsSync } from 'node:fs';
import { run } from './install.mjs';

const known = [
  process.env.VERGE_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const find = () => known.find((path) => path && existsSync(path));

/** Path of a Chromium, or undefined with a spoken reason. */
export async function ensureChromium() {
  const there = find();
  if (there) return there;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('> apt-get install chromium (for the browser tests)');
    await run('apt-get', ['update', '-qq'], { quiet: true });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      quiet: true,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  const got = find();
  if (!got)
    console.log(
      '  no Chromium here and none could be installed: the browser tests will be skipped (set VERGE_CHROMIUM to use one)',
    );
  return got;
}
