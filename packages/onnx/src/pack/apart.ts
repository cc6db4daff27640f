/** Packing in a process of its own: it takes a second for each megabyte, and whoever serves others has better things to do. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { PackError, type PackErrorCode } from './errors.js';

/** A third of what others get of a busy core; with the least there is it might never end. */
const NICE = 5;

export interface PackFiles {
  /** Paths. What is at `out` is replaced. */
  readonly file: string;
  readonly out: string;
  readonly base?: string;
  /** The process is ended when it takes longer. */
  readonly maxMs: number;
  readonly signal?: AbortSignal;
}

export interface PackedFile {
  /** Of the packed file. */
  readonly bytes: number;
  /** Hex digits, of the packed file. */
  readonly sha256: string;
}

/** What the process says, once. */
export type PackAnswer =
  { readonly done: PackedFile } | { readonly code: PackErrorCode | 'failed'; readonly message: string };

/** The built program beside this file, or, when this file runs from source, in the package's dist folder. */
function program(): string {
  const here = new URL('.', import.meta.url).href;
  return fileURLToPath(new URL('apart-main.js', here.replace(/\/src\/pack\/$/, '/dist/pack/')));
}

/**
 * Packs a file with less priority than others have, unpacks it again, and compares. The process holds the file, its base, an index of that, and
 * what comes out: about twice both, and 150 MiB.
 * @throws PackError; an Error where the process cannot be started, is ended, or fails in another way
 */
export function packApart({ file, base, out, maxMs, signal }: PackFiles): Promise<PackedFile> {
  const path = program();
  if (!existsSync(path)) throw new Error(`'${path}' is missing; build @verge/onnx first`);
  if (signal?.aborted) throw new PackError('cancelled', 'packing was cancelled', { cause: signal.reason });
  return new Promise((resolve, reject) => {
    // Whatever conditions this process resolves packages under, the program is built JavaScript. It needs nothing of the environment.
    const child = fork(path, [file, out, ...(base === undefined ? [] : [base])], { execArgv: [], env: {}, stdio: 'ignore' }); // prettier-ignore
    let answer: PackAnswer | undefined;
    let why = '';
    const end = (reason: string): void => {
      why ||= reason;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => end(`took longer than ${maxMs} ms`), maxMs);
    const cancel = (): void => end('cancelled');
    signal?.addEventListener('abort', cancel, { once: true });
    child.on('message', (message: PackAnswer) => (answer = message));
    child.on('spawn', () => lower(child.pid!));
    const over = (reason: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      if (answer && 'done' in answer) resolve(answer.done);
      else if (signal?.aborted) reject(new PackError('cancelled', 'packing was cancelled', { cause: signal.reason }));
      else if (answer && answer.code !== 'failed') reject(new PackError(answer.code, answer.message));
      else reject(new Error(`the packing process ${answer?.message ?? (why || reason)}`));
    };
    child.on('error', (error) => over(`did not start: ${error.message}`));
    child.on('exit', (code, by) => over(`ended with ${by ?? code}`));
  });
}

function lower(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // It has ended already, or the system does not allow it.
  }
}
