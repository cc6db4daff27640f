// Writes docs/schemas: `npm run schemas -w @verge/cli`, after a build.
import { mkdir, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import { documentNames, documentSchema } from './dist/local/schema.js';

const folder = new URL('../../docs/schemas/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const name of documentNames) {
  const text = await format(JSON.stringify(documentSchema(name)), { parser: 'json', printWidth: 120 });
  await writeFile(new URL(`${name}.schema.json`, folder), text);
}
