/** `<data folder>/ports.json`: the ports that are used in place of wanted ones, which others had taken. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { PortWish } from './ports.js';

const Kept = z.record(z.string(), z.strictObject({ wanted: z.int(), used: z.int().min(1).max(65_535) }));
type Wish = Pick<PortWish, 'name' | 'port'>;

export class KeptPorts {
  private constructor(
    private readonly file: string,
    private readonly kept: Map<string, z.infer<typeof Kept>[string]>,
  ) {}

  /** What is missing or cannot be read is empty: a port is then chosen anew, which the log says. */
  static async in(dataDir: string): Promise<KeptPorts> {
    const file = join(dataDir, 'ports.json');
    const text = await readFile(file, 'utf8').catch(() => '{}');
    const parsed = Kept.safeParse(jsonOf(text));
    return new KeptPorts(file, new Map(Object.entries(parsed.success ? parsed.data : {})));
  }

  /** Of the same wish: whoever wants another port now gets that. */
  get({ name, port }: Wish): number | undefined {
    const found = this.kept.get(name);
    return found?.wanted === port ? found.used : undefined;
  }

  async set({ name, port }: Wish, used: number | undefined): Promise<void> {
    if (used === undefined) this.kept.delete(name);
    else this.kept.set(name, { wanted: port, used });
    if (this.kept.size === 0) return await rm(this.file, { force: true });
    await writeFile(`${this.file}.new`, `${JSON.stringify(Object.fromEntries(this.kept), null, 2)}\n`, { mode: 0o600 });
    await rename(`${this.file}.new`, this.file);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
