import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

// `generate` and `validate` only need the engine's file to exist; without this Prisma downloads one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= fileURLToPath(new URL('./prisma/engine/refuse.mjs', import.meta.url));
process.env['CHECKPOINT_DISABLE'] ??= '1';

export default defineConfig({ schema: 'prisma/schema.prisma' });
