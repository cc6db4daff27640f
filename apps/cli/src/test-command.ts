/** For tests: the command line in this process, or the built program in one of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from './program.js';

export const digits = fileURLToPath(new URL('../../../datasets/digits', import.meta.url));
const program = fileURLToPath(new URL('../bin/verge.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON document that it must be. */
  json<T = Record<string, unknown>>(): T;
}

const ended = (code: number | null, stdout: string, stderr: string): Ended => ({
  code,
  stdout,
  stderr,
  json: <T>() => JSON.parse(stdout) as T,
});

/** Runs in this process, its output caught. */
export async function verge(...argv: string[]): Promise<Ended> {
  const { stdout, stderr } = process;
  const writes = { out: stdout.write.bind(stdout), err: stderr.write.bind(stderr) };
  const texts = { out: '', err: '' };
  stdout.write = (chunk: unknown) => ((texts.out += String(chunk)), true);
  stderr.write = (chunk: unknown) => ((texts.err += String(chunk)), true);
  try {
    return ended(await main(argv), texts.out, texts.err);
  } finally {
    stdout.write = writes.out;
    stderr.write = writes.err;
  }
}

export interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<Ended>;
  /** Once stderr holds the text; ends as well when the process does. */
  said(text: string): Promise<void>;
}

/** Starts the built program. */
export function startVerge(argv: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [program, ...argv], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const exit = once(child, 'close').then(([code]) => ended(code as number | null, stdout, stderr));
  const said = async (text: string): Promise<void> => {
    const closed = exit.then(() => true);
    while (!stderr.includes(text)) {
      const next = once(child.stderr, 'data').then(() => false);
      if (await Promise.race([closed, next])) return;
    }
  };
  return { child, exit, said };
}

export const vergeProcess = (argv: string[], env: Record<string, string> = {}): Promise<Ended> =>
  startVerge(argv, env).exit;

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'verge-cli-'));

/** A training configuration on the digits. @returns its path */
export async function writeConfig(folder: string, config: object = {}, name = 'train.yaml'): Promise<string> {
  const file = join(folder, name);
  const whole = {
    model: { architecture: 'lenet' },
    data: { path: digits },
    epochs: 3,
    optimizer: { name: 'adamw', learningRate: 0.003 },
    ...config,
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(whole, null, 2));
  return file;
}
