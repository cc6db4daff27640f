/** The Python side of the graph benchmarks: onnx, onnxsim and onnxslim. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { python } from './_python.js';

/** What it says of a model that it was to simplify. */
export type Answer = { readonly nodes: number } | { readonly error: string };

/** The Python side, which answers each line with a line. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'graph-peer.py');
    this.#child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ask<T>(command: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the Python side ended without an answer');
    return JSON.parse(value) as T;
  }

  end(): void {
    this.#child.stdin!.end();
  }
}
