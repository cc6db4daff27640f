/** Where everything lies under the agent's directory. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError, reasonOf } from './errors.js';

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
    if (Buffer.byteLength(path) <= 103) return path;
    return join(tmpdir(), `verge-agent-${createHash('sha256').update(this.dir).digest('hex').slice(0, 16)}.sock`);
  }

  /** Makes the folders, for their owner only, and removes what an interrupted atomic write left. */
  async prepare(): Promise<void> {
    try {
      const folders = [this.store, this.slot('a'), this.slot('b'), this.spool, this.logs];
      folders.push(this.metadata('release'), this.metadata('director'));
      await mkdir(this.dir, { recursive: true, mode: 0o700 });
      for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const folder of [this.dir, this.store, this.spool]) {
        for (const name of await readdir(folder))
          if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true });
      }
    } catch (error) {
      throw new AgentError('STATE_DAMAGED', `${this.dir} cannot be used: ${reasonOf(error)}`, { cause: error });
    }
  }
}
