/** The release repository's files in the database, byte for byte as they were signed. */
import type { MetadataFiles } from '@verge/trust/verify';
import type { Db } from '../database/database.service.js';

/** The newest file of each role, and every root. */
export async function publishedMetadata(db: Db, projectId: string): Promise<MetadataFiles> {
  const newest = await db.releaseMetadata.findMany({
    where: { projectId },
    distinct: ['role'],
    orderBy: [{ role: 'asc' }, { version: 'desc' }],
  });
  const roots = await db.releaseMetadata.findMany({ where: { projectId, role: 'root' }, orderBy: { version: 'asc' } });
  return new Map([...roots, ...newest.filter((row) => row.role !== 'root')].map((row) => [row.name, row.content]));
}

/** A version is stored once and never again; only timestamp.json is replaced. The files have been verified. */
export async function storeMetadata(db: Db, projectId: string, files: MetadataFiles): Promise<void> {
  const rows = [...files].map(([name, bytes]) => {
    const { version, expires } = signedPart(bytes);
    const role = /^(?:\d+\.)?([a-z]+)\.json$/.exec(name)?.[1] ?? name;
    return { projectId, name, role, version, expiresAt: new Date(expires), content: new Uint8Array(bytes) };
  });
  if (files.has('timestamp.json'))
    await db.releaseMetadata.deleteMany({ where: { projectId, name: 'timestamp.json' } });
  await db.releaseMetadata.createMany({ data: rows, skipDuplicates: true });
}

export function decodeFiles(metadata: readonly { name: string; content: string }[]): MetadataFiles {
  return new Map(metadata.map(({ name, content }) => [name, new Uint8Array(Buffer.from(content, 'base64'))]));
}

function signedPart(content: Uint8Array): { version: number; expires: string } {
  return (JSON.parse(new TextDecoder().decode(content)) as { signed: { version: number; expires: string } }).signed;
}
