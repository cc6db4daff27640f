/**
 * The director repository of each device (Uptane): metadata that names the one artifact the device is to run, signed with
 * the control plane's online key. It is made when a device asks for it, so a change for ten thousand devices costs
 * nothing until they come.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Target } from '@verge/trust/publish';
import { directorMetadata } from '@verge/trust/publish';
import type { PoolClient } from 'pg';
import { AuthorityService } from '../authority/authority.service.js';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction } from '../database/transaction.js';

/** Short, because the key is online: whoever stops a device's connection can keep an old answer alive this long. */
export const directorLifetimeMs = 24 * 60 * 60 * 1000;

interface Stored {
  role: string;
  version: number;
  content: Buffer;
  expires_at: Date;
}

@Injectable()
export class DirectorService {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
  ) {}

  /** One file of a device's director repository; null when there is none of that name. */
  async file(deviceId: string, name: string, now = new Date()): Promise<Uint8Array | null> {
    if (name.endsWith('.root.json')) return this.authority.directorRoots.get(name) ?? null;
    // A client begins with the timestamp; what it then asks for by version is there already.
    if (name === 'timestamp.json') return this.timestamp(deviceId, now);
    const { rows } = await this.database.pool.query<{ content: Buffer }>(
      'SELECT content FROM director_metadata WHERE device_id = $1 AND name = $2',
      [deviceId, name],
    );
    return rows[0]?.content ?? null;
  }

  private timestamp(deviceId: string, now: Date): Promise<Uint8Array> {
    return inTransaction(this.database.pool, (client) => this.current(client, deviceId, now));
  }

  /** The stored timestamp while it fits what is desired and is not older than half its life, else a new one. */
  private async current(client: PoolClient, deviceId: string, now: Date): Promise<Uint8Array> {
    const desired = await this.desired(client, deviceId);
    const { rows } = await client.query<Stored>(
      `SELECT DISTINCT ON (role) role, version, content, expires_at FROM director_metadata
       WHERE device_id = $1 ORDER BY role, version DESC`,
      [deviceId],
    );
    const stored = new Map(rows.map((row) => [row.role, row]));
    const timestamp = stored.get('timestamp');
    const targets = stored.get('targets');
    if (timestamp && targets) {
      const young = timestamp.expires_at.getTime() - now.getTime() > directorLifetimeMs / 2;
      if (young && sameTargets(targets.content, desired)) return timestamp.content;
    }
    const version = (role: string) => (stored.get(role)?.version ?? 0) + 1;
    const versions = { targets: version('targets'), snapshot: version('snapshot'), timestamp: version('timestamp') };
    return this.sign(client, deviceId, desired, versions, now);
  }

  /** Locks the device, so that two requests cannot both make the next version. */
  private async desired(client: PoolClient, deviceId: string): Promise<Target[]> {
    const { rows } = await client.query<{
      target_path: string | null;
      manifest_bytes: number;
      manifest_digest: string;
    }>(
      `SELECT a.target_path, a.manifest_bytes, a.manifest_digest FROM devices d
       LEFT JOIN artifacts a ON a.id = d.desired_artifact_id WHERE d.id = $1 FOR NO KEY UPDATE OF d`,
      [deviceId],
    );
    const [row] = rows;
    if (!row || row.target_path === null) return [];
    const sha256 = row.manifest_digest.slice('sha256:'.length);
    return [{ path: row.target_path, length: row.manifest_bytes, sha256 }];
  }

  private async sign(
    client: PoolClient,
    deviceId: string,
    targets: readonly Target[],
    versions: { targets: number; snapshot: number; timestamp: number },
    now: Date,
  ): Promise<Uint8Array> {
    const { directorRoots: roots, directorKey: key } = this.authority;
    const expires = new Date(now.getTime() + directorLifetimeMs);
    const files = directorMetadata({ roots, deviceId, targets, versions, key, expires });
    for (const [name, content] of files) {
      const role = /^(?:\d+\.)?(targets|snapshot|timestamp)\.json$/.exec(name)?.[1];
      if (role === undefined) continue;
      await client.query(
        `INSERT INTO director_metadata (device_id, name, role, version, content, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (device_id, name) DO UPDATE SET version = excluded.version, content = excluded.content,
           expires_at = excluded.expires_at, created_at = now()`,
        [deviceId, name, role, versions[role as keyof typeof versions], Buffer.from(content), expires],
      );
    }
    // A device that has just read the timestamp before this one still finds its files.
    await client.query(
      `DELETE FROM director_metadata WHERE device_id = $1
       AND (role = 'targets' AND version < $2 - 2 OR role = 'snapshot' AND version < $3 - 2)`,
      [deviceId, versions.targets, versions.snapshot],
    );
    return files.get('timestamp.json')!;
  }
}

function sameTargets(content: Buffer, desired: readonly Target[]): boolean {
  const { signed } = JSON.parse(content.toString('utf8')) as {
    signed: { targets: Record<string, { length: number; hashes: Record<string, string> }> };
  };
  const listed = Object.entries(signed.targets);
  return (
    listed.length === desired.length &&
    desired.every((target) =>
      listed.some(
        ([path, { length, hashes }]) =>
          path === target.path && length === target.length && hashes['sha256'] === target.sha256,
      ),
    )
  );
}
