/**
 * Prisma's schema engine as WebAssembly over a driver adapter. The native engine is a download, which an offline machine
 * cannot make; this one is in the npm package.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { Pool } from 'pg';
import { GuardedClient } from './guarded-client.js';
import { ShadowingPrismaPg } from './shadow-adapter.js';

export interface MigrationList {
  baseDir: string;
  lockfile: { path: string; content: string | null };
  shadowDbInitScript: string;
  migrationDirectories: {
    path: string;
    migrationFile: { path: string; content: { tag: 'ok'; value: string } | { tag: 'err'; value: string } };
  }[];
}

interface SchemaFilter {
  externalTables: string[];
  externalEnums: string[];
}
interface SchemaFiles {
  files: { path: string; content: string }[];
}
type DiffTarget =
  { tag: 'empty' } | ({ tag: 'migrations' } & MigrationList) | ({ tag: 'schemaDatamodel' } & SchemaFiles);

export interface SchemaEngine {
  applyMigrations(input: {
    migrationsList: MigrationList;
    filters: SchemaFilter;
  }): Promise<{ appliedMigrationNames: string[] }>;
  diff(input: {
    from: DiffTarget;
    to: DiffTarget;
    script: boolean;
    exitCode: boolean | null;
    filters: SchemaFilter;
  }): Promise<{ exitCode: number; stdout: string | null }>;
  free(): void;
}

/** The part of the JavaScript API of WebAssembly that is used here; Node's typings leave it to the browser's. */
interface WebAssemblyApi {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
  RuntimeError: ErrorConstructor;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

interface Bindings {
  __wbg_set_wasm(exports: Record<string, unknown>): void;
  SchemaEngine: {
    new: (options: { datamodels: [string, string][] }, log: () => void, adapter: object) => Promise<SchemaEngine>;
  };
}

export const noFilters: SchemaFilter = { externalTables: [], externalEnums: [] };

/** The engine reports a panic here before it traps; without it the trap would hide the reason. */
interface PanicRegistry {
  PRISMA_WASM_PANIC_REGISTRY?: { set_message(message: string): void };
}
let lastPanic = '';

let bindings: Promise<Bindings> | undefined;

async function loadBindings(): Promise<Bindings> {
  (globalThis as PanicRegistry).PRISMA_WASM_PANIC_REGISTRY ??= { set_message: (message) => (lastPanic = message) };
  // Node 20 cannot import .wasm without a flag, so the module is put together by hand, as its own index does.
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const glue = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as unknown as Bindings;
  const bytes = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
  return glue;
}

/** Runs `use` with an engine on the database; `datamodel` is the text of schema.prisma. */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  datamodel: string,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  bindings ??= loadBindings();
  const { SchemaEngine } = await bindings;
  // One connection, closed at the end: the engine's advisory lock belongs to its session, and would outlive the engine.
  const pool = new Pool({ connectionString: databaseUrl, max: 1, Client: GuardedClient });
  const adapter = bindMigrationAwareSqlAdapterFactory(new ShadowingPrismaPg(databaseUrl, pool));
  try {
    const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => undefined, adapter);
    try {
      return await use(engine);
    } finally {
      engine.free();
    }
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    throw new Error(`the schema engine panicked: ${lastPanic}`, { cause });
  } finally {
    await pool.end();
  }
}
