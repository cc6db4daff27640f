/** Where everything lies under the agent's directory. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from './errors.js';

export type SlotName = 'a' | 'b';

export class Layout {
  constructor(readonly dir: string) {}

  /** Key, certificate and trusted roots in one file, so that they always fit each other. */
  get identity(): string {
    return join(this.dir, 'identity.json');
  }
  /** The key of an enrolment that has not been answered yet. */
  get enrolling(): string {
    return join(this.dir, 'enrolling.json');
  }
  get state(): string {
    return join(this.dir, 'state.json');
  }
  get lock(): string {
    return join(this.dir, 'lock');
  }
  /** What runs now: process id, URL, socket. Removed on exit. */
  get running(): string {
    return join(this.dir, 'agent.json');
  }
  get store(): string {
    return join(this.dir, 'store');
  }
  slot(name: SlotName): string {
    return join(this.dir, 'slots', name);
  }
  metadata(repository: 'release' | 'director'): string {
    return join(this.dir, 'metadata', repository);
  }
  get spool(): string {
    return join(this.dir, 'spool');
  }
  get openWindow(): string {
    return join(this.dir, 'spool', 'open-window.bin');
  }
  get logs(): string {
    return join(this.dir, 'logs');
  }
  /** sun_path holds 107 bytes on Linux and 103 on macOS; a deeper directory gets a socket in the temporary folder. */
  get socket(): string {
    const path = join(this.dir, 'agent.sock');
    return Buffer.byteLength(path) <= 103 ? path : this.temporarySocket;
  }
  /** Also where the directory takes no socket: a disk that is full or read-only. */
  get temporarySocket(): string {
    return join(tmpdir(), `verge-agent-${createHash('sha256').update(this.dir).digest('hex').slice(0, 16)}.sock`);
  }

  /** Makes the folders, for their owner only. @returns what could not be made, with the reason */
  async prepare(): Promise<string[]> {
    const folders = [this.dir, this.store, this.slot('a'), this.slot('b'), this.spool, this.logs];
    folders.push(this.metadata('release'), this.metadata('director'));
    const problems: string[] = [];
    for (const folder of folders) {
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => problems.push(reasonOf(error)));
    }
    return problems;
  }

  /** Removes what an interrupted atomic write left; only while no agent runs here. */
  async sweep(): Promise<void> {
    for (const folder of [this.dir, this.store, this.spool]) {
      for (const name of await readdir(folder).catch((): string[] => [])) {
        // What cannot be removed is in nobody's way: temporary names are made anew each time.
        if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true }).catch(() => undefined);
      }
    }
  }
}
