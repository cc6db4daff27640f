/** Prints a log file and, when asked, what is added to it, across rotations. */
import { open, stat } from 'node:fs/promises';
import { sleep } from '../backoff.js';

export interface FollowOptions {
  path: string;
  follow: boolean;
  /** Lines from the end to begin with. */
  lines: number;
  write: (line: string) => void;
  signal?: AbortSignal;
}

export async function followLog(options: FollowOptions): Promise<void> {
  const { path, write } = options;
  let position = 0;
  let inode = 0;
  let rest = '';
  for (let first = true; ; first = false) {
    const now = await stat(path).catch(() => null);
    if (now && (now.ino !== inode || now.size < position)) [position, inode] = [0, now.ino];
    if (now && now.size > position) {
      const added = await readFrom(path, position, now.size);
      position = now.size;
      const lines = (rest + added).split('\n');
      rest = lines.pop() ?? '';
      for (const line of first ? lines.slice(-options.lines) : lines) write(line);
    }
    if (!options.follow || options.signal?.aborted) return;
    await sleep(200, options.signal);
  }
}

async function readFrom(path: string, from: number, to: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
