/** `npm run migration -w @verge/control-plane -- NAME`: writes what schema.prisma has and the migrations lack. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { writeMigration } from './migrations.js';

const name = process.argv[2];
if (!name) {
  process.stderr.write('expected a name for the migration, for example add_device_labels\n');
  process.exit(2);
}

async function withDatabase(use: (url: string) => Promise<void>): Promise<void> {
  const given = process.env['DATABASE_URL'];
  if (given) return await use(given);
  const folder = await mkdtemp(join(tmpdir(), 'verge-migration-'));
  const postgres = await startEmbeddedPostgres(folder);
  try {
    await use(postgres.url);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await withDatabase(async (url) => {
  const written = await writeMigration(url, name, new Date());
  process.stdout.write(written ? `${written}\n` : 'the migrations already agree with schema.prisma\n');
});
