/** A log file that is renamed when it is full: agent.log, agent.log.1 (newest) ... agent.log.N (oldest). */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

export function logPath(folder: string): string {
  return join(folder, 'agent.log');
}

export class RotatingFile {
  private descriptor: number;
  private size: number;

  constructor(
    readonly path: string,
    private readonly maxBytes = 5 * 1024 * 1024,
    private readonly keep = 4,
  ) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.descriptor = openSync(path, 'a', 0o600);
    this.size = fstatSync(this.descriptor).size;
  }

  /** One line. A disk that is full costs the line, never the agent. */
  write(line: string): void {
    try {
      if (this.size > 0 && this.size + line.length > this.maxBytes) this.rotate();
      this.size += writeSync(this.descriptor, line);
    } catch {
      // There is no other place to tell it.
    }
  }

  private rotate(): void {
    closeSync(this.descriptor);
    rmSync(`${this.path}.${this.keep}`, { force: true });
    for (let i = this.keep - 1; i >= 1; i--) tryRename(`${this.path}.${i}`, `${this.path}.${i + 1}`);
    tryRename(this.path, `${this.path}.1`);
    this.descriptor = openSync(this.path, 'a', 0o600);
    this.size = fstatSync(this.descriptor).size;
  }
}

function tryRename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Not there yet.
  }
}
