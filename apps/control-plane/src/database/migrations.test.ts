import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/database.js';
import { applyMigrations, missingMigration } from './migrations.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('nothing');
});
afterAll(() => database.drop());

describe('migrations', () => {
  it('say the same as schema.prisma', async () => {
    expect(await missingMigration(database.url)).toBe('');
  });

  it('are applied once, however many control planes start together', async () => {
    const applied = await Promise.all([1, 2, 3].map(() => applyMigrations(database.url)));
    const names = applied.flat();
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names).size).toBe(names.length);
    expect(await applyMigrations(database.url)).toEqual([]);
  });

  it('tell why a database could not be migrated', async () => {
    const nowhere = 'postgres://postgres@127.0.0.1:1/nowhere';
    await expect(applyMigrations(nowhere)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  });
});
