/** One child process: starts it, sends requests, matches answers, tells when it ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { RuntimeError, type RuntimeErrorCode } from '../errors.js';
import { MessageReader, sendMessage, type Message } from './frames.js';

/** The built child beside this file, or, when this file runs from source, in the package's dist folder. */
function childPath(): string {
  const here = new URL('.', import.meta.url).href;
  const path = fileURLToPath(new URL('child.js', here.replace(/\/src\/process\/$/, '/dist/process/')));
  if (!existsSync(path)) throw new RuntimeError('start-failed', `'${path}' is missing; build @verge/runtime first`);
  return path;
}

/** What the child may see of the environment: enough to load native libraries, none of the parent's secrets. */
const passed = [
  'PATH',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'HOME',
  'TMPDIR',
  'TEMP',
  'LANG',
  'TZ',
  'SystemRoot',
  'windir',
];

/** glibc settings that return memory after bursts, measured to cost no time. */
const childEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(passed.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]))),
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  ORT_DISABLE_TELEMETRY: '1',
});

interface Pending {
  resolve: (message: Message) => void;
  reject: (error: RuntimeError) => void;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class ChildConnection {
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #ended: RuntimeError | undefined;
  #exit: Exit | undefined;
  #exitListeners: ((exit: Exit) => void)[] = [];
  /** Settles when the process has ended, however it did. */
  readonly exited: Promise<Exit>;

  /** @throws RuntimeError `start-failed` when the package is not built. */
  constructor() {
    this.#child = spawn(process.execPath, [childPath()], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: childEnvironment(),
      serialization: 'advanced',
    });
    this.#socket = this.#child.stdio[3] as Duplex;
    const reader = new MessageReader();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) this.#settle(message);
    });
    // A write into a dead child fails here; the exit event tells the story.
    this.#socket.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (cause) => {
        this.#fail(
          new RuntimeError('start-failed', `the inference process did not start: ${cause.message}`, { cause }),
        );
        this.#tellExit({ code: null, signal: null });
        resolve({ code: null, signal: null });
      });
      this.#child.once('exit', (code, signal) => {
        const how = signal ? `by ${signal}` : `with status ${code}`;
        this.#fail(new RuntimeError('crashed', `the inference process ended ${how}`));
        this.#tellExit({ code, signal });
        resolve({ code, signal });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Sends one request. @throws RuntimeError with the child's code, or `crashed` when it ends before it answers. */
  request(header: Record<string, unknown>, blobs: readonly Uint8Array[] = []): Promise<Message> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      sendMessage(this.#socket, { ...header, id }, blobs);
    });
  }

  /** Calls the listener when the process has ended and whoever waited for an answer has seen that. */
  onExit(listener: (exit: Exit) => void): void {
    const exit = this.#exit;
    if (exit) setImmediate(() => listener(exit));
    else this.#exitListeners.push(listener);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets the process end by itself, and kills it when it has not after a second. */
  async close(): Promise<void> {
    this.#socket.end();
    const timer = setTimeout(() => this.kill(), 1000);
    await this.exited;
    clearTimeout(timer);
  }

  #settle(message: Message): void {
    const { id, ok, code, message: text, problems } = message.header;
    const pending = this.#pending.get(id as number);
    this.#pending.delete(id as number);
    if (ok) pending?.resolve(message);
    else
      pending?.reject(new RuntimeError(code as RuntimeErrorCode, text as string, { problems: problems as string[] }));
  }

  #tellExit(exit: Exit): void {
    if (this.#exit) return;
    this.#exit = exit;
    for (const listener of this.#exitListeners) setImmediate(() => listener(exit));
  }

  #fail(error: RuntimeError): void {
    this.#ended ??= error;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(this.#ended);
  }
}
