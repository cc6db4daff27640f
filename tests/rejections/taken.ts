import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What the processes of this suite wrote down since the last look. */
export function takeRejections(): string[] {
  const folder = process.env['VERGE_TEST_REJECTIONS']!;
  const files = readdirSync(folder).map((name) => join(folder, name));
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  for (const file of files) rmSync(file);
  return texts;
}
