/** Where the control plane is and who calls: flags, then the environment, then what `verge login` stored. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const Credentials = z.object({
  url: z.string().optional(),
  token: z.string().optional(),
  project: z.string().optional(),
});
export type Credentials = z.infer<typeof Credentials>;

export function configFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['VERGE_CONFIG_DIR'] ?? join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'verge');
}

const file = (): string => join(configFolder(), 'credentials.json');

export async function readCredentials(): Promise<Credentials> {
  const text = await readFile(file(), 'utf8').catch(() => '{}');
  try {
    return Credentials.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Replaces the stored file in one step, readable by its owner only. */
export async function writeCredentials(credentials: Credentials): Promise<void> {
  await mkdir(configFolder(), { recursive: true, mode: 0o700 });
  const next = `${file()}.${process.pid}`;
  await writeFile(next, JSON.stringify(credentials, null, 2) + '\n', { mode: 0o600 });
  await rename(next, file());
}
