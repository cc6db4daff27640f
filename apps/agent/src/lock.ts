/**
 * One agent per directory. The lock is a file made with link(2), which fails when the name exists; it names its holder by
 * process id and start time, so that a process id used again by another program is not taken for the holder.
 */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AgentError, systemCode } from './errors.js';

const Holder = z.object({ pid: z.int().min(1), startedAt: z.string().nullable() });
type Holder = z.infer<typeof Holder>;

/** Start time of a process in clock ticks since boot (proc(5), stat field 22); null where /proc is not there. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Whether the process that a lock names still runs. */
export function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false;
  }
  const started = startOf(holder.pid);
  return started === null || holder.startedAt === null || started === holder.startedAt;
}

export async function readHolder(path: string): Promise<Holder | null> {
  try {
    const parsed = Holder.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export class Lock {
  private constructor(private readonly path: string) {}

  /** @throws AgentError `ALREADY_RUNNING` */
  static async take(path: string): Promise<Lock> {
    const own: Holder = { pid: process.pid, startedAt: startOf(process.pid) };
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, JSON.stringify(own), { mode: 0o600 });
    try {
      for (let attempt = 0; attempt < 10; attempt++) {
        try {
          await link(temporary, path);
          return new Lock(path);
        } catch (error) {
          if (systemCode(error) !== 'EEXIST') throw error;
        }
        await Lock.clearStale(path);
      }
      throw new AgentError('ALREADY_RUNNING', `${path} is contended`);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  private static async clearStale(path: string): Promise<void> {
    const holder = await readHolder(path);
    if (holder && isAlive(holder)) {
      throw new AgentError('ALREADY_RUNNING', `an agent runs in this directory already (process ${holder.pid})`);
    }
    // Of several that see the stale lock one gets it by the rename; what it got is looked at again.
    const aside = `${path}.${randomUUID()}.tmp`;
    try {
      await rename(path, aside);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    const taken = await readHolder(aside);
    if (taken && isAlive(taken)) await link(aside, path).catch(() => undefined);
    await rm(aside, { recursive: true, force: true });
  }

  /** Takes the lock again when something else stands in its place. @throws AgentError `ALREADY_RUNNING` */
  async keep(): Promise<void> {
    if ((await readHolder(this.path))?.pid !== process.pid) await Lock.take(this.path);
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
