/**
 * The processes that the quickstart starts. Each is its own process group leader's child, logs to a file, and is ended
 * when the quickstart ends, whatever the reason.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface Started {
  readonly name: string;
  readonly child: ChildProcess;
  readonly log: string;
}

const GRACE_MS = 8000;

export class Processes {
  readonly #started: Started[] = [];
  #stopping = false;

  constructor(
    private readonly root: string,
    private readonly logs: string,
    private readonly onUnexpectedExit: (name: string, log: string) => void,
  ) {}

  /** Starts one of the apps' bins in the background. */
  async start(name: string, bin: string, args: readonly string[], env: Record<string, string> = {}): Promise<Started> {
    const log = join(this.logs, `${name}.log`);
    await mkdir(dirname(log), { recursive: true });
    const child = spawn(process.execPath, [join(this.root, bin), ...args], {
      cwd: this.root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const file = createWriteStream(log, { flags: 'a' });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    const started = { name, child, log };
    this.#started.push(started);
    child.on('exit', () => {
      if (!this.#stopping) this.onUnexpectedExit(name, log);
    });
    return started;
  }

  /** Ends everything in the reverse order of starting; kills what does not end by itself. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const { child } of this.#started.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await gone;
      clearTimeout(timer);
    }
  }

  /** For the moment when nothing can be awaited any more. */
  killNow(): void {
    this.#stopping = true;
    for (const { child } of this.#started) if (child.exitCode === null) child.kill('SIGKILL');
  }
}

/** The last lines of a log, for an error message. */
export async function tail(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Asks again until the answer is not undefined. @throws Error naming what was waited for */
export async function until<T>(what: string, seconds: number, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
