// Writes docs/schemas: `npm run schemas -w @verge/cli`, after a build.
import { mkdir, writeFile } from 'node:fs/promises';
import { documentNames, documentSchema } from './dist/local/schema.js';

const folder = new URL('../../docs/schemas/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const name of documentNames) {
  await writeFile(new URL(`${name}.schema.json`, folder), JSON.stringify(documentSchema(name), null, 2));
}
