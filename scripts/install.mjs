// Brings a fresh clone to where it can build and run: `npm ci` when the lock file changed, then the build.
// Plain JavaScript on Node's own modules, because it runs before anything is installed.
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const children = new Set();

/** Environment for everything that is started: no downloads beside npm's packages, no telemetry of tools. */
export const environment = {
  ...process.env,
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  ORT_DISABLE_TELEMETRY: '1',
  CHECKPOINT_DISABLE: '1',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  SCARF_ANALYTICS: 'false',
};

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}

/**
 * Runs a command to its end in the project's root; `aside` leaves the processor to whatever else wants it.
 * @returns its exit code (128 + signal number is not distinguished: any signal gives 1)
 */
export function run(command, args, { env = {}, quiet = false, aside = false } = {}) {
  return new Promise((resolve) => {
    const windows = process.platform === 'win32';
    const child = spawn(command, args, {
      cwd: root,
      env: { ...environment, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      shell: windows,
    });
    if (aside && child.pid !== undefined) stepAside(child.pid);
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    child.stderr?.on('data', (data) => (output += data));
    children.add(child);
    child.on('error', (error) => {
      children.delete(child);
      resolve({ code: 1, output: output + error.message });
    });
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** What the process starts later has its priority. Where the system allows none to be set, it takes its share like others. */
function stepAside(pid) {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch (error) {
    console.log(`> the checks of the sources have no lower priority here: ${error.message}`);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Verge needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
    process.exit(1);
  }
}

/**
 * Whether node_modules is what package-lock.json lists: npm writes its own copy of the list last, so a copy that is there
 * and not older says that an installation came to its end.
 */
function isInstalled() {
  const tolerance = 5000;
  const [wanted, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((f) => join(root, f));
  return existsSync(installed) && statSync(installed).mtimeMs + tolerance >= statSync(wanted).mtimeMs;
}

/** Installs what package-lock.json lists, unless that is done already. */
export async function ensureInstalled() {
  checkNode();
  if (isInstalled()) return;
  console.log('> npm ci: installing dependencies (once; a minute or two, about 1.2 GB on disk)');
  const { code } = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (code !== 0) {
    console.error('\nnpm ci failed; the lines above say why. Nothing else was started.');
    process.exit(code);
  }
}

/** Builds every package and app; what has not changed comes from turbo's cache. */
export async function ensureBuilt() {
  console.log('> building');
  const { code, output } = await run(
    'npx',
    ['turbo', 'run', 'build', '--output-logs=errors-only', '--log-order=grouped'],
    { quiet: true },
  );
  if (code !== 0) {
    console.error(output);
    console.error('\nThe build failed; the lines above say where.');
    process.exit(code);
  }
}
