/** A log file that is renamed when it is full: agent.log, agent.log.1 (newest) ... agent.log.N (oldest). */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';

export function logPath(folder: string): string {
  return join(folder, 'agent.log');
}

/** Where the file cannot be opened it is tried again after so long. */
const retryMs = 2000;

export class RotatingFile {
  private descriptor: number | null = null;
  private size = 0;
  private inode = 0;
  private lookedMs = -Infinity;
  /** Lines that the disk did not take, until the file says how many. */
  private lost = 0;

  constructor(
    readonly path: string,
    private readonly maxBytes = 5 * 1024 * 1024,
    private readonly keep = 4,
  ) {}

  /** One line. A disk that takes none costs the line, never the agent; the next line that it takes says how many. */
  write(line: string): void {
    try {
      this.open();
      if (this.descriptor === null) throw new Error('the file is not open');
      if (this.size > 0 && this.size + line.length > this.maxBytes) this.rotate();
      if (this.lost > 0)
        this.append(`${JSON.stringify({ level: 40, time: Date.now(), msg: `${this.lost} lines lost` })}\n`);
      this.lost = 0;
      this.append(line);
    } catch {
      this.lost++;
    }
  }

  private append(line: string): void {
    this.size += writeSync(this.descriptor!, line);
  }

  /** Opens the file, and again when another or nothing stands under its name. */
  private open(): void {
    const now = performance.now();
    if (now - this.lookedMs < retryMs) return;
    this.lookedMs = now;
    const there = lookAt(this.path);
    if (this.descriptor !== null && there !== 'unusable' && there?.ino === this.inode) return;
    this.close();
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    if (there === 'unusable' || there?.isDirectory()) renameSync(this.path, `${this.path}.aside-${Date.now()}`);
    this.descriptor = openSync(this.path, 'a', 0o600);
    ({ size: this.size, ino: this.inode } = fstatSync(this.descriptor));
  }

  private close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }

  private rotate(): void {
    this.close();
    rmSync(`${this.path}.${this.keep}`, { recursive: true, force: true });
    for (let i = this.keep - 1; i >= 1; i--) tryRename(`${this.path}.${i}`, `${this.path}.${i + 1}`);
    tryRename(this.path, `${this.path}.1`);
    this.lookedMs = -Infinity;
    this.open();
    if (this.descriptor === null) throw new Error('the file is not open');
  }
}

/** What stands under a name: `unusable` for what cannot be opened by anybody, as a link that leads nowhere. */
function lookAt(path: string): Stats | 'unusable' | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return 'unusable';
  }
}

function tryRename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Not there yet.
  }
}
