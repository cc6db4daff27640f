#!/usr/bin/env node
// Stands where Prisma would otherwise download its native schema engine, which an offline machine cannot. It always fails,
// so that `prisma migrate` can never pretend to have applied anything: migrations go through prisma/migrate.mjs and the
// control plane itself, both on the WebAssembly engine.
process.stderr.write(
  'Verge does not use the native schema engine: run `npm run migration -w @verge/control-plane -- NAME`.\n',
);
process.exit(1);
