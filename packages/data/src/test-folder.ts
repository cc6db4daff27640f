/** For tests: a temporary folder of their own and files in it. */
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TestFolder {
  readonly folder: string;
  /** Writes a file, the folders on its way included. @returns its path */
  put(name: string, content: string | Uint8Array): Promise<string>;
  remove(): Promise<void>;
}

export function testFolder(prefix: string): TestFolder {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  return {
    folder,
    put: async (name, content) => {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
